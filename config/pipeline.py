"""A pipeline: one source, one contract, some transforms, one table.

The same models read YAML (`config/spec_file`) and are the Python API: every field takes what YAML takes.

    Pipeline(
        name="events",
        source={"uri": "landing/*.ndjson.gz"},
        contract={"columns": {"id": "int64!", "at": "timestamp[us, UTC]"}},
        table={"uri": "lake/events", "sort_by": ["at"]},
    )

A wrong value raises `pydantic.ValidationError`; `config.spec_problems.explain` makes a `SpecError` of it.
All models are frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    JsonValue,
    PlainSerializer,
    PlainValidator,
    Tag,
    model_validator,
)

from config.alerts import Alerts
from config.column_syntax import format_columns, parse_columns
from config.column_types import Column
from config.consistency import (
    added_columns,
    change_columns,
    check_flat,
    check_named,
    check_repeated,
    check_table,
    check_unique_names,
)
from config.locations import check_chain, check_locations
from config.model import Spec, invalid
from config.names import check_pipeline_name
from config.schedule import Schedule
from config.source import Source
from config.table import Reader, Table, Text


def _columns(value: object) -> tuple[Column, ...]:
    columns, findings = parse_columns(value)
    if findings:
        raise invalid(findings, "columns")
    return columns


def _step_kind(value: object) -> str | None:
    if isinstance(value, Mapping):
        return next((tag for key, tag in (("sql", "SqlStep"), ("use", "UseStep")) if key in value), None)
    return type(value).__name__


Name = Annotated[str, AfterValidator(check_pipeline_name)]
Columns = Annotated[tuple[Column, ...], PlainValidator(_columns), PlainSerializer(format_columns)]


class Contract(Spec):
    """The columns that a pipeline promises, and what happens to what does not fit.

    Attributes:
        columns: In the order of the table; syntax in `config/column_syntax`. Unless given, those of the table
            that is the source.
        on_mismatch: A value of another type, or none where one is required: the record goes to the
            quarantine; or the value to `_rescued` (a required one still quarantines); or the batch fails.
        on_new_column: A field without a column: kept in `_rescued`; or the table gets a column for it, whose
            type the values tell (`_rescued` keeps what can have none); or left out; or the batch fails.
    """

    columns: Columns = ()
    on_mismatch: Literal["quarantine", "rescue", "fail"] = "quarantine"
    on_new_column: Literal["rescue", "add", "ignore", "fail"] = "rescue"

    @property
    def rescues(self) -> bool:
        """Whether the table has the column `_rescued`."""
        return self.on_mismatch == "rescue" or self.on_new_column in ("rescue", "add")


class SqlStep(Spec):
    """A query over the table `self`, the rows as the step before left them."""

    sql: Text


class UseStep(Spec):
    """A function from LazyFrame to LazyFrame, by its import path, with keyword arguments."""

    use: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$")]
    with_: Annotated[dict[str, JsonValue], Field(alias="with", default_factory=dict)]


class Expectation(Spec):
    """A named boolean SQL expression over the conformed rows, and what happens to rows that fail it."""

    name: Name
    expect: Text
    action: Literal["warn", "drop", "quarantine", "fail"]


Step = Annotated[
    Annotated[SqlStep, Tag("SqlStep")] | Annotated[UseStep, Tag("UseStep")], Discriminator(_step_kind)
]


class Pipeline(Spec):
    """One source, one contract, some transforms, one table.

    Attributes:
        readers: What readers of the table were promised; held against the layout after each commit.
        name: Also the application id of its Delta commits: a renamed pipeline starts again at batch 1.
        tags: By which the deployment is found in the Prefect UI.
        lineage: Whether each row carries the columns `_file` and `_record`.
        engine: Which one writes the files of a batch when it runs as a flow: this process, or a Dask cluster;
            the setting decides where it is None.
        schedule: When the deployment of the flow `ingest` runs; None for never by itself.
    """

    name: Name
    description: str = ""
    tags: tuple[Text, ...] = ()
    source: Source
    contract: Contract = Contract()
    transforms: tuple[Step, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    table: Table
    readers: tuple[Reader, ...] = ()
    lineage: Annotated[bool, Field(strict=True)] = False
    engine: Literal["local", "dask"] | None = None
    schedule: Schedule | None = None
    alerts: Alerts = Alerts()

    @model_validator(mode="after")
    def _fits_together(self) -> Pipeline:
        findings = check_table(
            self.contract.columns,
            self.table.model_dump(),
            added=(
                *added_columns(rescued=self.contract.rescues, lineage=self.lineage),
                *change_columns(self.source.read),
            ),
            transformed=bool(self.transforms),
        )
        if self.source.uri is None:
            findings += check_chain(self.source.location, self.table.uri)
            findings += check_repeated(self.source.read, self.table.mode)
        else:
            findings += check_named(self.contract.columns)
            findings += check_locations(self.source.uri, self.table.uri)
        if self.source.holds_csv():
            findings += check_flat(self.contract.columns)
        findings += check_unique_names([one.name for one in self.expectations])
        if findings:
            raise invalid(findings, "pipeline")
        return self

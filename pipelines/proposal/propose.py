"""A ready pipeline for a landing zone: `penstock init URI`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from config.column_syntax import format_columns
from config.errors import InvalidValueError
from config.locations import check_locations
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import dump_pipeline
from config.spec_problems import explain
from config.uri import parse_uri
from config.yaml_comments import comment_yaml
from pipelines.errors import ProposalError
from pipelines.proposal.explained import explained
from pipelines.proposal.layout import propose_layout
from pipelines.proposal.names import default_name, default_table
from pipelines.proposal.sample import Sample, sample_landing
from transforms.inference.inferred import Inferred


@dataclass(frozen=True)
class Proposal:
    """A pipeline, and the text of its file: the same, with comments that explain it."""

    pipeline: Pipeline
    text: str


def propose_pipeline(
    uri: str, settings: Settings, *, name: str | None = None, table: str | None = None
) -> Proposal:
    """Looks at a sample of the landing zone `uri`; see `propose` for the rest.

    Raises:
        StorageError: The landing zone is missing or cannot be read.
        ProposalError: As `propose`.
        SpecError: As `propose`.
    """
    uri = _uri(uri)
    return propose(uri, sample_landing(uri, settings), name=name, table=table)


def propose(uri: str, sample: Sample, *, name: str | None = None, table: str | None = None) -> Proposal:
    """A pipeline that takes in what is like `sample`.

    Partitioned by the day of the event, and sorted by its time, where every record has a timestamp.

    Args:
        uri: The landing zone.
        sample: What was seen of it.
        name: By default the last folder of `uri` without a wildcard, or the file's name without suffixes.
        table: By default `lake/NAME` in the current folder, or `s3://BUCKET/lake/NAME` in the same bucket.

    Raises:
        ProposalError: No record can be read, or the table would lie in the landing zone.
        SpecError: `name` or `table` cannot be used.
    """
    name = name or default_name(uri)
    table = table or default_table(uri, name)
    found = sample.found
    _require_usable(uri, table, found)
    layout = propose_layout(found)
    spec: dict[str, Any] = {
        "name": name,
        "source": {"uri": uri, **sample.source},
        "contract": {
            "columns": format_columns(found.columns),
            "on_mismatch": "quarantine",
            "on_new_column": "rescue",
        },
        **layout.transforms,
        "table": {"uri": table, **layout.table},
    }
    try:
        pipeline = Pipeline.model_validate(spec)
    except ValidationError as error:
        raise explain(error) from error
    return Proposal(pipeline, comment_yaml(dump_pipeline(pipeline), explained(sample, layout)))


def _require_usable(uri: str, table: str, found: Inferred) -> None:
    if not found.columns:
        raise ProposalError(
            "no contract can be inferred",
            where=uri,
            got=f"{found.records + found.unreadable} records, {found.unreadable} of them unreadable",
            expected="JSON, CSV, Parquet, Arrow IPC or Avro, with at least one field that can be a column",
            next_step="let some records land first, or write the pipeline file by hand",
        )
    for _, problem in check_locations(uri, table):
        raise ProposalError(
            problem.what, where=uri, got=table, next_step="name a place for the table: --table URI"
        )


def _uri(uri: str) -> str:
    try:
        return parse_uri(uri)
    except InvalidValueError as error:
        raise ProposalError(
            error.what, where="URI", got=error.got, expected=error.expected, next_step=error.next_step
        ) from error

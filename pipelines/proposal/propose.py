"""A ready pipeline for a landing zone: `penstock init URI`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from config.column_syntax import format_columns
from config.errors import InvalidValueError
from config.findings import KeyPath
from config.locations import check_locations
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import dump_pipeline
from config.spec_problems import explain
from config.uri import parse_uri
from config.yaml_comments import comment_yaml
from pipelines.errors import ProposalError
from pipelines.proposal.layout import Layout, propose_layout
from pipelines.proposal.names import default_name, default_table
from pipelines.proposal.sample import sample_landing
from transforms.inference.infer import infer_columns
from transforms.inference.inferred import Inferred

_MOST_NAMED: Final = 10
"""Fields without a column that the comments name."""


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
    sample = sample_landing(uri, settings)
    return propose(uri, sample.records, name=name, table=table)


def propose(
    uri: str, records: Iterable[bytes], *, name: str | None = None, table: str | None = None
) -> Proposal:
    """A pipeline that takes in what is like `records`.

    Partitioned by the day of the event, and sorted by its time, where every record has a timestamp.

    Args:
        uri: The landing zone.
        records: A sample of it, one JSON text each.
        name: By default the last folder of `uri` without a wildcard, or the file's name without suffixes.
        table: By default `lake/NAME` in the current folder, or `s3://BUCKET/lake/NAME` in the same bucket.

    Raises:
        ProposalError: No record can be read, or the table would lie in the landing zone.
        SpecError: `name` or `table` cannot be used.
    """
    name = name or default_name(uri)
    table = table or default_table(uri, name)
    found = infer_columns(records)
    _require_usable(uri, table, found)
    layout = propose_layout(found)
    spec: dict[str, Any] = {
        "name": name,
        "source": {"uri": uri, "format": "ndjson"},
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
    return Proposal(pipeline, comment_yaml(dump_pipeline(pipeline), _comments(found, layout)))


def _comments(found: Inferred, layout: Layout) -> dict[KeyPath, str]:
    comments: dict[KeyPath, str] = {
        ("name",): f"Proposed by penstock init from {found.records:,} records. Read it, change it, "
        "try it with penstock validate, then penstock run.",
        ("contract", "columns"): "! after a type: never null, as in every record of the sample",
        (
            "contract",
            "on_mismatch",
        ): "a value of another type: quarantine the record, rescue the value, or fail",
        (
            "contract",
            "on_new_column",
        ): "a field that is not above: rescue it into _rescued, ignore it, or fail",
    }
    if found.unreadable:
        comments["source",] = (
            f"{found.unreadable:,} lines of the sample are no JSON objects; a run quarantines them"
        )
    for field, reason in islice(found.left_out.items(), _MOST_NAMED):
        comments["contract", "columns"] += f"\nleft out: {field!r} ({reason})"
    if len(found.left_out) > _MOST_NAMED:
        comments["contract", "columns"] += f"\nand {len(found.left_out) - _MOST_NAMED} more"
    for path, note in found.notes.items():
        place = ".".join(str(part) for part in path if not isinstance(part, int))
        comments["contract", "columns", *path] = f"{place}: {note}"
    return {**comments, **layout.reasons}


def _require_usable(uri: str, table: str, found: Inferred) -> None:
    if not found.columns:
        raise ProposalError(
            "no contract can be inferred",
            where=uri,
            got=f"{found.records + found.unreadable} records, {found.unreadable} of them unreadable",
            expected="JSON objects, one a line, with at least one field that can be a column",
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

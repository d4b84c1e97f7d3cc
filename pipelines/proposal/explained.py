"""The comments of a proposed file: what it was made from, and why it says what it says."""

from __future__ import annotations

from itertools import islice
from typing import Final

from config.column_types import List, Struct
from config.findings import KeyPath
from pipelines.proposal.declared import Notes
from pipelines.proposal.layout import Layout
from pipelines.proposal.sample import Sample
from transforms.inference.inferred import Inferred

_MOST_NAMED: Final = 10
"""Fields without a column that the comments name."""


def explained(sample: Sample, layout: Layout) -> dict[KeyPath, str]:
    """A comment, of one or more lines, for each key of the file that needs one."""
    comments: dict[KeyPath, str] = {
        ("name",): f"Proposed by penstock init from {_extent(sample)}. Read it, change it, "
        "try it with penstock validate, then penstock run.",
        ("contract", "columns"): _columns(sample.found),
        (
            "contract",
            "on_mismatch",
        ): "a value of another type: quarantine the record, rescue the value, or fail",
        (
            "contract",
            "on_new_column",
        ): "a field that is not above: rescue it into _rescued, add a column, ignore it, or fail",
    }
    for key, note in _source(sample):
        here = ("source", *key)
        comments[here] = f"{comments[here]}\n{note}" if here in comments else note
    for path, note in sample.found.notes.items():
        place = ".".join(str(part) for part in path if not isinstance(part, int))
        comments["contract", "columns", *path] = f"{place}: {note}"
    return {**comments, **layout.reasons}


def _extent(sample: Sample) -> str:
    records = _counted(sample.found.records, "record")
    if sample.files_read == sample.files_landed:
        return f"{records} of {_counted(sample.files_read, 'file')}, all that landed"
    return f"{records} of {_counted(sample.files_read, 'file')}, of {sample.files_landed:,} that landed"


def _source(sample: Sample) -> Notes:
    count = sample.found.unreadable
    if not count:
        return sample.notes
    told = f"{_counted(count, 'record')} of the sample cannot be read; a run quarantines such"
    return (*sample.notes, ((), told))


def _columns(found: Inferred) -> str:
    lines = ["! after a type: never null, as in the whole sample"]
    always = [
        column.name
        for column in found.columns
        if isinstance(column.type, Struct | List) and (column.name,) not in found.notes
    ]
    if always:
        lines.append(
            f"in every record as well: {_listed(always)}; to require it: {{type: ..., required: true}}"
        )
    lines += [
        f"left out: {field!r} ({reason})" for field, reason in islice(found.left_out.items(), _MOST_NAMED)
    ]
    if len(found.left_out) > _MOST_NAMED:
        lines.append(f"and {len(found.left_out) - _MOST_NAMED} more")
    return "\n".join(lines)


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + "s" * (count != 1)

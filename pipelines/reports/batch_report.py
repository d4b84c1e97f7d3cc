"""A batch as Markdown, for the people who look at a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from config.pipeline import Pipeline
from pipelines.promises.promise import Promise
from pipelines.reports.last_batches import chart
from pipelines.reports.markdown import code, table
from pipelines.reports.plain_text import counted, size, whole
from pipelines.reports.surroundings import Surroundings
from pipelines.run import BatchSummary

_LONGEST_RECORD: Final = 200
_LONGEST_PATH: Final = 120
_NUMBERS: Final = ("", ""), ("left", "right")


def batch_report(pipeline: Pipeline, batch: BatchSummary, around: Surroundings) -> str:
    """What the batch did, how its table is now, what it refused, and the batches before it."""
    return "\n".join(
        [
            f"## {pipeline.name}, batch {batch.batch}",
            "",
            *table(*_NUMBERS, _of_batch(batch)),
            "",
            "### The table",
            "",
            *table(*_NUMBERS, _of_table(pipeline, around)),
            "",
            *_section("### Promises to readers", _promises(batch.readers)),
            *_section(_refused_title(batch, around), _refused(around.refused)),
            *_section("### The last batches", ["```text", *chart(around.batches), "```"]),
        ]
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, "", *lines, ""] if lines else []


def _of_batch(batch: BatchSummary) -> Iterator[tuple[str, str]]:
    if batch.undoes is not None:
        yield "undoes batch", whole(batch.undoes)
        yield "rows removed", whole(batch.rows_removed)
    yield "files", whole(batch.files)
    yield "read, as stored", size(batch.bytes_read)
    yield "records", whole(batch.records_read)
    yield "rows written", whole(batch.rows_written)
    yield "quarantined", _with_share(batch.rows_quarantined, batch.records_read)
    yield from ((f"… {code(reason)}", whole(count)) for reason, count in batch.quarantined_by_reason.items())
    yield "dropped by expectations", whole(batch.rows_dropped)
    yield "duplicates by key", whole(batch.rows_duplicate)
    yield "time", f"{batch.seconds:,.1f} s"
    yield from ((f"… {stage}", f"{seconds:,.1f} s") for stage, seconds in batch.seconds_by_stage.items())
    yield "speed", f"{size(batch.bytes_read / batch.seconds)}/s" if batch.seconds else "-"
    yield "peak memory", size(batch.peak_memory_bytes)


def _of_table(pipeline: Pipeline, around: Surroundings) -> Iterator[tuple[str, str]]:
    held = around.size
    yield "location", code(pipeline.table.uri)
    yield "version", whole(around.version)
    yield "rows", "not counted" if held.rows is None else whole(held.rows)
    yield "files", whole(held.files)
    yield "size", size(held.bytes)


def _promises(promises: tuple[Promise, ...]) -> list[str]:
    rows = [(code(one.where), f"{one.at_most:.2%}", *_standing(one)) for one in promises]
    header = ("a query for", "reads at most", "now", "")
    return table(header, ("left", "right", "right", "left"), rows) if rows else []


def _standing(one: Promise) -> tuple[str, str]:
    share = "-" if one.share is None else f"{one.share:.2%}"
    if one.problem is not None:
        return share, code(one.problem)
    return share, {True: "kept", False: "**broken**", None: "cannot be told yet"}[one.kept]


def _refused_title(batch: BatchSummary, around: Surroundings) -> str:
    shown = around.refused.height
    return f"### {whole(shown)} of {counted(batch.rows_quarantined, 'quarantined record')}"


def _refused(records: pl.DataFrame) -> list[str]:
    if records.is_empty():
        return []
    header = ("file", "record", "reason", "column", "record as it came")
    cells = [
        [code(path or "-", _LONGEST_PATH) for path in records["path"]],
        ["-" if record is None else whole(record) for record in records["record"]],
        [code(reason) for reason in records["reason"]],
        [code(column or "-") for column in records["column"]],
        [_record(raw) for raw in records["raw"]],
    ]
    return table(header, ("left", "right", "left", "left", "left"), zip(*cells, strict=True))


def _record(raw: bytes | None) -> str:
    if raw is None:
        return "(too long to keep)"
    return code(raw.decode("utf-8", "backslashreplace"), _LONGEST_RECORD)


def _with_share(count: int, of: int) -> str:
    return f"{whole(count)} ({count / of:.2%})" if count and of else whole(count)

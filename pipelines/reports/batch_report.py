"""A batch as Markdown, for the people who look at a run."""

from __future__ import annotations

import os
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


def batch_report(pipeline: Pipeline, batch: BatchSummary, around: Surroundings) -> str:
    """What the batch did, how its table is now, what it refused, and the batches before it."""
    return "\n".join(
        [
            f"## {pipeline.name}, batch {batch.batch}",
            "",
            *_numbers(_counts(batch)),
            "",
            *_numbers(_costs(batch)),
            "",
            *_section("### Quarantined, by reason", _reasons(batch)),
            *_section(_refused_title(batch, around), _refused(around.refused)),
            f"### The table {code(pipeline.table.uri)}",
            "",
            *_numbers(_state(around)),
            "",
            *_section("### Promises to its readers", _promises(batch.readers)),
            *_section("### The last batches", ["```text", *chart(around.batches), "```"]),
        ]
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, "", *lines, ""] if lines else []


def _numbers(named: dict[str, str]) -> list[str]:
    return table(tuple(named), ["right"] * len(named), [tuple(named.values())])


def _counts(batch: BatchSummary) -> dict[str, str]:
    if batch.undoes is not None:
        return {"undoes batch": whole(batch.undoes), "rows removed": whole(batch.rows_removed)}
    return {
        "files": whole(batch.files),
        "records": whole(batch.records_read),
        "rows written": whole(batch.rows_written),
        "quarantined": _with_share(batch.rows_quarantined, batch.records_read),
        "dropped": whole(batch.rows_dropped),
        "duplicates": whole(batch.rows_duplicate),
    }


def _costs(batch: BatchSummary) -> dict[str, str]:
    return {
        "read, as stored": size(batch.bytes_read),
        **{stage: f"{seconds:,.1f} s" for stage, seconds in batch.seconds_by_stage.items()},
        "speed": f"{size(batch.bytes_read / batch.seconds)}/s" if batch.seconds else "-",
        "peak memory": size(batch.peak_memory_bytes),
    }


def _state(around: Surroundings) -> dict[str, str]:
    held = around.size
    rows = "not counted" if held.rows is None else whole(held.rows)
    return {
        "version": whole(around.version),
        "rows": rows,
        "files": whole(held.files),
        "size": size(held.bytes),
    }


def _reasons(batch: BatchSummary) -> list[str]:
    rows = [(code(reason), whole(count)) for reason, count in batch.quarantined_by_reason.items()]
    return table(("reason", "records"), ("left", "right"), rows) if rows else []


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
    folder = _folder(records["path"].drop_nulls())
    cells = [
        [code(path.removeprefix(folder) if path else "-", _LONGEST_PATH) for path in records["path"]],
        ["-" if record is None else whole(record) for record in records["record"]],
        [code(reason) for reason in records["reason"]],
        [code(column or "-") for column in records["column"]],
        [_record(raw) for raw in records["raw"]],
    ]
    lines = table(header, ("left", "right", "left", "left", "left"), zip(*cells, strict=True))
    return [*([f"Files in {code(folder)}", ""] if folder else []), *lines]


def _folder(paths: pl.Series) -> str:
    """What all paths begin with, up to a slash."""
    shared: str = os.path.commonprefix(list(paths))  # noqa: RUF071 (letters, of URIs too)
    return shared[: shared.rfind("/") + 1]


def _record(raw: bytes | None) -> str:
    if raw is None:
        return "(too long to keep)"
    return code(raw.decode("utf-8", "backslashreplace"), _LONGEST_RECORD)


def _with_share(count: int, of: int) -> str:
    return f"{whole(count)} ({count / of:.2%})" if count and of else whole(count)

"""The last batches of a pipeline, from the log of its table, and a chart of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipelines.reports.plain_text import size, whole
from storage.tables.log.versions import TableVersion, versions_of

BATCHES: Final = 20
_LOOKED_AT: Final = 2 * BATCHES
"""Versions that are looked at: those of other writers, such as a compaction, come in between."""
_WIDEST: Final = 24
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_HEADER: Final = ("batch", "records", "quarantined", "per second", "")


@dataclass(frozen=True, slots=True)
class PastBatch:
    """A batch as its commit tells of it.

    Attributes:
        records: That it read.
        quarantined: Of these.
        bytes_read: As stored.
        seconds: From its plan to its commit; None where the commit does not tell.
    """

    batch: int
    records: int
    quarantined: int
    bytes_read: int
    seconds: float | None


def last_batches(table: Any, pipeline: str, limit: int = BATCHES) -> list[PastBatch]:
    """The newest batches that took something in, oldest first; fewer where other writers wrote much.

    Reads at most 40 commits of the log.

    Args:
        table: As `storage.tables.delta.open_table` gave it.
        pipeline: Whose batches.
        limit: At most so many.

    Raises:
        StorageError: The log cannot be read.
    """
    versions = versions_of(table, min(_LOOKED_AT, 2 * limit))
    found = [_past(one.batch, one.metadata) for one in versions if one.batch and _takes_in(one, pipeline)]
    return found[:limit][::-1]


def _takes_in(version: TableVersion, pipeline: str) -> bool:
    return version.app_id == pipeline and isinstance(version.metadata.get("files"), dict)


def _past(batch: int, metadata: Mapping[str, Any]) -> PastBatch:
    files, stages = metadata["files"], metadata.get("seconds_by_stage") or {}
    return PastBatch(
        batch,
        records=sum(files.get("read", ())),
        quarantined=sum(files.get("quarantined", ())) + int(metadata.get("unstorable", 0)),
        bytes_read=int(metadata.get("bytes_read", 0)),
        seconds=sum(one for stage, one in stages.items() if stage != "plan") or None,
    )


def chart(batches: Sequence[PastBatch]) -> list[str]:
    """A line for each batch under a header: numbers, and a bar as long as it has records."""
    most = max((one.records for one in batches), default=0)
    rows = [_HEADER, *((*_numbers(one), _bar(one.records, most)) for one in batches)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_padded(row, widths)).rstrip() for row in rows]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [*(cell.rjust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)), row[-1]]


def _numbers(one: PastBatch) -> tuple[str, ...]:
    share = one.quarantined / one.records if one.records else 0.0
    speed = f"{size(one.bytes_read / one.seconds)}/s" if one.seconds else "-"
    return whole(one.batch), whole(one.records), f"{share:.2%}" if one.quarantined else "-", speed


def _bar(value: int, most: int) -> str:
    """Whole blocks and one in eighths; anything above 0 shows."""
    eighths = max(round(value / most * _WIDEST * 8), 1) if value else 0
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()

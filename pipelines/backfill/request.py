"""What a backfill is asked to do, and what it did."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from config.errors import InvalidValueError
from pipelines.run import BatchSummary


@dataclass(frozen=True)
class BackfillRequest:
    """Which landed files are to be taken in again: all of them (`rebuild`), or those of a range.

    Attributes:
        rebuild: All, written beside the table and swapped in by one commit.
        files: A pattern of their paths, as a landing zone is one: `*`, `?`, `[…]` within a name, `**` for
            folders; below the landing zone, or a full path. None for all.
        since: When they were last changed, at the earliest; UTC without a zone. None for no such limit.
        until: The moment before which they were last changed; as `since`.
        dry_run: Only tell what would be done.

    Raises:
        InvalidValueError: Neither a rebuild nor a range is asked for, or both.
    """

    rebuild: bool = False
    files: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        ranged = any(one is not None for one in (self.files, self.since, self.until))
        if self.rebuild == ranged:
            raise InvalidValueError(
                "a backfill is either of the whole table or of a range of files",
                where="the request",
                got="both" if ranged else "neither",
                expected="rebuild, or any of files, since and until",
            )

    def range_as_text(self) -> str:
        """The range in words."""
        parts = {"files": self.files, "since": self.since, "until": self.until}
        return ", ".join(f"{name} {one}" for name, one in parts.items() if one is not None)


@dataclass(frozen=True)
class BackfillSummary:
    """What a backfill did; the names are those of `penstock backfill --json`.

    Attributes:
        rebuild: Whether the whole table was meant.
        dry_run: Whether nothing was done.
        files: How many landed files are taken in again; of a range all files of the batches that hold some.
        bytes: Of these, as stored.
        again: The batches that are taken in again, in the order in which they are undone; of a rebuild all
            that it stands for.
        batches: What was committed, undos included; the first may be one that an earlier run had left.
        rows_removed: The rows that were taken out of the table.
    """

    pipeline: str
    rebuild: bool
    dry_run: bool
    files: int
    bytes: int
    again: tuple[int, ...]
    batches: tuple[BatchSummary, ...]
    rows_removed: int

    def as_dict(self) -> dict[str, Any]:
        """The document that `penstock backfill --json` prints."""
        return asdict(self)

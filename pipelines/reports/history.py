"""The versions of a table: `penstock history`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from storage.tables.versions import TableVersion, open_version, versions_of


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a table.

    Attributes:
        timestamp: By the writer's clock; None where the log does not tell.
        operation: As its writer called it: `WRITE`, `CREATE TABLE`, `OPTIMIZE` …
        pipeline: Whose batch it is; None where Penstock did not write it, as are all that follow.
        batch: From 1.
        rows: Rows that the batch added.
        quarantined: Records of the batch that went to the quarantine.
    """

    version: int
    timestamp: datetime | None
    operation: str
    pipeline: str | None
    batch: int | None
    rows: int | None
    quarantined: int | None

    def as_dict(self) -> dict[str, Any]:
        """As `penstock history --json` prints it."""
        return asdict(self)


def history(uri: str, limit: int | None = None) -> list[Version]:
    """The newest `limit` versions of the table at `uri`, all unless given; newest first.

    Raises:
        NotFoundError: There is no table.
        StorageError: Its log cannot be read.
    """
    return [_version(one) for one in versions_of(open_version(uri), limit)]


def _version(one: TableVersion) -> Version:
    at = None if one.timestamp_ms is None else datetime.fromtimestamp(one.timestamp_ms / 1000, UTC)
    rows = one.metadata.get("rows")
    return Version(one.version, at, one.operation, one.app_id, one.batch, rows, _quarantined(one.metadata))


def _quarantined(metadata: Mapping[str, Any]) -> int | None:
    """Of all files, and of the rows that no partition can hold; None where the commit does not tell."""
    files = metadata.get("files")
    if not isinstance(files, dict):
        return None
    return sum(files.get("quarantined", ())) + int(metadata.get("unstorable", 0))

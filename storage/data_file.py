"""What the Delta log says about one data file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file that was written and is not yet, or already, part of a table.

    Attributes:
        path: Relative to the table, `/` between folders; made of characters that need no escaping in a URL.
        size: Bytes.
        rows: How many the file holds.
        partition_values: The text of each partition column as the Delta log holds it; None is null.
            Readers take the values from here, never from `path`.
        stats: JSON object with `numRecords`, `minValues`, `maxValues`, `nullCount`
            (https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics).
        modified_ms: When it was written, milliseconds since 1970-01-01 UTC; vacuum spares young files by it.
    """

    path: str
    size: int
    rows: int
    partition_values: Mapping[str, str | None]
    stats: str
    modified_ms: int

"""What the Delta log says about one data file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

OURS: Final = r"-[0-9a-f]{32}\.parquet$"
"""How the names of all files end that Penstock writes. Where their footers have bounds of a column of floats,
none of these is NaN; of files of others nobody knows."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file that was written and is not yet, or already, part of a table.

    Attributes:
        path: Relative to the table, as the store has it, `/` between folders. It may hold `%`, which is part
            of the name; the log has the path as a URI, which delta-rs makes of it.
        size: Bytes.
        rows: How many the file holds.
        partition_values: The text of each partition column as the Delta log holds it; None is null.
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

"""A look at a landing zone: some records of some files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

import polars as pl

from config.settings import MIB, Settings
from storage.landing.listing import list_landing
from storage.reading.blocks import Damage, read_blocks

MOST_RECORDS: Final = 10_000
MOST_FILES: Final = 20
_BLOCK_BYTES: Final = MIB


@dataclass(frozen=True)
class Sample:
    """Some records, each one line without its line end.

    Attributes:
        records: Never blank.
        files_read: How many files they come from.
        files_landed: How many files there are.
    """

    records: tuple[bytes, ...]
    files_read: int
    files_landed: int


def sample_landing(uri: str, settings: Settings) -> Sample:
    """Up to 10,000 records from the heads of up to 20 files, spread evenly over the files by path.

    The sample takes at most an eighth of the memory budget, and at least one record of each file it looks at.

    Raises:
        StorageError: The landing zone is missing or cannot be read.
    """
    landed = list_landing(uri).filter(pl.col("size") > 0)
    count = min(landed.height, MOST_FILES)
    chosen = landed[[position * landed.height // count for position in range(count)]]
    records: list[bytes] = []
    for path, size in zip(chosen["path"], chosen["size"], strict=True):
        records += _head(path, size, settings, MOST_RECORDS // count, settings.memory_bytes // 8 // count)
    return Sample(tuple(records), count, landed.height)


def _head(path: str, size: int, settings: Settings, most_records: int, most_bytes: int) -> list[bytes]:
    records: list[bytes] = []
    with closing(
        read_blocks([path], [size], block_bytes=_BLOCK_BYTES, max_record_bytes=settings.max_record_bytes)
    ) as blocks:
        for block in blocks:
            if isinstance(block, Damage):
                continue
            for line in block.data[: block.size].tobytes().split(b"\n"):
                if record := line.strip(b" \t\r"):
                    records.append(record)
                    most_bytes -= len(record)
                if len(records) == most_records or most_bytes <= 0:
                    return records
    return records

"""A table with very many files: `python -m benchmarks.tables.many_files FOLDER FILES`.

One file is real. The others are in the log alone, with statistics as they would have them: each holds a span
of users of one of 100 days, and no two of one day overlap, so that `QUERY` is about the real one alone. The
commits and the checkpoints are Penstock's. Where FOLDER is there already, it is taken as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from benchmarks.tables.build import once, progress
from benchmarks.tables.engines import Query
from benchmarks.tables.rows import USERS, Rows, day
from storage.layout.data_file import DataFile
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table

DAYS = 100
COMMITS = 100
"""As many as are between two checkpoints."""
DAY, USER = day(3), 77_777
QUERY: Query = {"day": DAY.isoformat(), "user_id": USER}
_SCHEMA = next(Rows(100, days_per_batch=1).batch(0)).schema
_ROWS = 50_000


def make(folder: Path, files: int, commits: int = COMMITS) -> bool:
    """The table; it is as compacted as it will be."""
    described = list(_described(files))
    share = -(-len(described) // commits)
    for number in range(commits):
        _commit(folder, number + 1, described[number * share : (number + 1) * share])
        if number % 10 == 9:
            progress(folder, f"commit {number + 1} of {commits}")
    rows = pl.concat(Rows(100_000, days_per_batch=1).batch(3))
    _commit(folder, commits + 1, _written(folder, rows.with_columns(user_id=pl.lit(USER, pl.Int64))))
    return True


def made_up() -> tuple[DataFile, pl.Schema]:
    """One more file, and the columns of the table."""
    return _file(DAY.isoformat(), 0, 0), _SCHEMA


def _described(files: int) -> Iterator[DataFile]:
    """Made up: for each day spans of users in order, but for the one that the real file holds."""
    spans = files // DAYS
    for number in range(DAYS):
        for span in range(spans):
            first, last = span * USERS // spans, (span + 1) * USERS // spans - 1
            if (day(number), first <= USER <= last) != (DAY, True):
                yield _file(day(number).isoformat(), first, last)


def _file(of: str, first: int, last: int) -> DataFile:
    path = f"day={of}/batch-{first:06}-{'0123456789abcdef' * 2}.parquet"
    low = {"user_id": first, "ts": f"{of}T00:00:00.000000Z", "type": "cart", "value": 0.01, "payload": "1"}
    high = {
        "user_id": last,
        "ts": f"{of}T23:59:59.999999Z",
        "type": "view",
        "value": 1e5,
        "payload": "9" * 19,
    }
    bounds = {"numRecords": _ROWS, "minValues": low, "maxValues": high, "nullCount": dict.fromkeys(low, 0)}
    return DataFile(path, _ROWS * 25, _ROWS, {"day": of}, json.dumps(bounds), 1_767_225_600_000)


def _written(folder: Path, rows: pl.DataFrame) -> list[DataFile]:
    with TableWriter(
        str(folder), partition_by=("day",), layout=FileLayout(sort_by=("ts",)), buffer_bytes=2**24
    ) as writer:
        writer.write(rows)
        return writer.finish()


def _commit(folder: Path, number: int, files: list[DataFile]) -> None:
    uri = str(folder)
    table = open_table(uri)
    commit_batch(
        uri, table, app_id="clicks", batch=number, files=files, schema=_SCHEMA, partition_by=("day",)
    )


if __name__ == "__main__":
    once(Path(sys.argv[1]), lambda path: make(path, int(sys.argv[2])))

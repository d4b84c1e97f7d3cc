"""How many bytes of a table hold what a query looks for, whoever reads it: from its footers and its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.tables.engines import Query
from storage.layout.data_file import DataFile


def matching_bytes(folder: Path, files: list[DataFile], query: Query) -> int:
    """The bytes of the row groups that hold matches, all columns, compressed as they lie there."""
    return sum(
        _bytes(parquet, group)
        for parquet in _candidates(folder, files, query)
        for group in range(parquet.num_row_groups)
        if pc.any(_matches(parquet.read_row_group(group, [_column(query)])[0], query)).as_py()
    )


def _candidates(folder: Path, files: list[DataFile], query: Query) -> Iterator[pq.ParquetFile]:
    """Files of the days that the query is about."""
    first, last = query.get("day") or query["begin"][:10], query.get("day") or query["end"][:10]
    for file in files:
        if first <= str(file.partition_values["day"]) <= last:
            yield pq.ParquetFile(folder / file.path)


def _column(query: Query) -> str:
    return "user_id" if "user_id" in query else "ts"


def _matches(values: pa.ChunkedArray, query: Query) -> pa.ChunkedArray:
    if "user_id" in query:
        return pc.equal(values, query["user_id"])
    begin, end = (pa.scalar(dt.datetime.fromisoformat(query[name]), values.type) for name in ("begin", "end"))
    return pc.and_(pc.greater_equal(values, begin), pc.less(values, end))


def _bytes(parquet: pq.ParquetFile, group: int) -> int:
    columns = parquet.metadata.row_group(group)
    return sum(columns.column(number).total_compressed_size for number in range(columns.num_columns))

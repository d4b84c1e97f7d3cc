"""Inspections for tests, made in this process."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.inspection.document import Inspection, Ranges
from pipelines.inspection.parquet import inspect_parquet
from storage.reading.typed.mapped import Mapped


def finished(steps: Generator[str, None, Inspection]) -> Inspection:
    """What `steps` give in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Inspection = end.value
            return found


def opened(path: Path) -> Mapped:
    """A file as the child has it."""
    return Mapped(pa.py_buffer(path.read_bytes()), None)


def parquet(folder: Path, table: pa.Table, rows: int, **options: Any) -> Inspection:
    """Of a Parquet file with row groups of `rows` rows."""
    pq.write_table(table, folder / "file.parquet", row_group_size=rows, **options)
    return finished(inspect_parquet(opened(folder / "file.parquet")))


def ranges(pairs: list[tuple[float, float] | None], **other: Any) -> Ranges:
    """Ranges of a column of numbers from 0 to 1."""
    low, high = ([None if one is None else str(one[part]) for one in pairs] for part in (0, 1))
    start, end = ([None if one is None else one[part] for one in pairs] for part in (0, 1))
    found = Ranges(
        column="x",
        type="Float64",
        units="row groups",
        total=len(pairs),
        unknown=0,
        nothing_but_null=0,
        low=low,
        high=high,
        start=start,
        end=end,
        lookup_reads=1.0,
    )
    found.update(other)  # type: ignore[typeddict-item]
    return found

"""Bloom filters: what a row group certainly does not hold, told by about one byte for each of its values.

Readers that know them, such as DuckDB, skip row groups by equality where minimum and maximum are too wide:
identifiers in files that are sorted by something else
(https://parquet.apache.org/docs/file-format/bloomfilter).
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from storage.layout.file_layout import FileLayout, path_of
from storage.layout.leaves import leaves

_FALSE_POSITIVES: Final = 0.026
"""Of the questions for values that are not there: what a byte for each value gives, (1 - 1/e)^8."""


def bloom_filters(schema: pl.Schema, layout: FileLayout) -> dict[str, dict[str, Any]] | None:
    """The option of `pyarrow.parquet.ParquetWriter`; None where no column of a file has one."""
    size = {"ndv": max(1, layout.row_group_rows), "fpp": _FALSE_POSITIVES}
    paths = {".".join(path_of(schema, name)) for name in layout.bloom}
    return {leaf.parquet_path: size for leaf in leaves(schema) if leaf.parquet_path in paths} or None

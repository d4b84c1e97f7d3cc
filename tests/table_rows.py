"""The rows of a Delta table, as Polars reads them."""

from __future__ import annotations

import polars as pl
from deltalake import DeltaTable

from storage.filesystem import delta_storage_options


def rows_of(table: DeltaTable) -> pl.LazyFrame:
    """The rows of `table` at the version that it was opened at; lazy, in no order."""
    return pl.scan_delta(table, storage_options=delta_storage_options(table.table_uri) or None)

"""The files of a table as fragments of a pyarrow dataset, which reads what it is told to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from storage.skipping.cache import Cache
from storage.skipping.predicate import Path
from storage.skipping.store import Fetched, open_store

_FORMAT: Final = ds.ParquetFileFormat(
    read_options=ds.ParquetReadOptions(coerce_int96_timestamp_unit="us"),
    # Ranges of neighbouring columns become one request.
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=True),
)
_BATCH_ROWS: Final = 65_536
_BATCHES_AHEAD: Final = 2
_FRAGMENTS_AHEAD: Final = 2
_UNPACKED: Final = 16
"""Bytes of a footer in memory, for each in the file; as measured with many small files."""


class Fragments:
    """Makes fragments of the files of one table, and datasets of them.

    Args:
        uri: The table's.
        table: At the version to be read.
        fetched: Counts what is read, where it is given.
        cache: Keeps footers, where it is given.
    """

    def __init__(
        self, uri: str, table: DeltaTable, fetched: Fetched | None = None, cache: Cache | None = None
    ) -> None:
        self.schema = pa.schema(table.schema().to_arrow())
        self._store, self._root = open_store(uri, fetched)
        self._cache = Cache(0) if cache is None else cache

    def of(self, files: pl.DataFrame) -> list[Any]:
        """A fragment each of `files`, as `files_of` gave them; opens none of them.

        They know their partition values, which no file holds.
        """
        values = files["partition"].struct.unnest().to_arrow() if "partition" in files.columns else None
        return [
            self._cache.get(f"{self._root}/{path}")
            or _FORMAT.make_fragment(
                f"{self._root}/{path}",
                self._store,
                partition_expression=None if values is None else _partition(values, row),
                file_size=size,
            )
            for row, (path, size) in enumerate(zip(files["path"], files["size"], strict=True))
        ]

    def with_footer(self, fragment: Any) -> Any:
        """The fragment after its footer was read, which it keeps."""
        if self._cache.get(fragment.path) is not fragment:
            fragment.ensure_complete_metadata()
            self._cache.put(fragment.path, fragment, _UNPACKED * fragment.metadata.serialized_size)
        return fragment

    def dataset(self, fragments: Sequence[Any]) -> Any:
        """A `pyarrow.dataset.Dataset` with the columns of the table."""
        return ds.FileSystemDataset(list(fragments), self.schema, _FORMAT, self._store)

    def in_order(self, piece: Any, columns: Sequence[str], batch_rows: int = _BATCH_ROWS) -> Iterable[Any]:
        """The rows of one fragment in their order, decoded by the thread that draws them."""
        options = {"columns": list(columns), "batch_size": batch_rows, "use_threads": False}
        return self.dataset([piece]).to_batches(**options)  # type: ignore[no-any-return]

    def batches(self, fragments: Sequence[Any], columns: Mapping[str, Path]) -> Iterable[Any]:
        """The rows of `fragments`, all of them, some fragments at a time; columns by their names."""
        return self.dataset(fragments).to_batches(  # type: ignore[no-any-return]
            columns={name: ds.field(*path) for name, path in columns.items()},
            batch_size=_BATCH_ROWS,
            batch_readahead=_BATCHES_AHEAD,
            fragment_readahead=_FRAGMENTS_AHEAD,
        )


def _partition(values: pa.Table, row: int) -> Any:
    parts = [_equals(ds.field(name), values[name][row]) for name in values.column_names]
    return reduce(lambda one, other: one & other, parts) if parts else None


def _equals(field: Any, value: pa.Scalar) -> Any:
    return field == value if value.is_valid else field.is_null()

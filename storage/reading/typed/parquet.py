"""Parquet files, a few rows at a time whatever the size of their row groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.reading.typed.batches import rows_a_batch
from storage.reading.typed.failure import UnreadableError

_MAGIC = b"PAR1"
_SAMPLE_ROWS = 64
_BUFFER_BYTES = 64 * 1024


def read(data: pa.Buffer, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The rows in order, in batches of about `batch_bytes`.

    How large a row is, is told by the footer, and by the first rows, since a value that is stored once may be
    there a million times; for the next row group, by what was read before.

    Raises:
        UnreadableError: There is no footer, or not the rows that it tells of.
        pa.ArrowException: What pyarrow says of a damage.
    """
    _check_ends(data)
    file = pq.ParquetFile(
        pa.BufferReader(data),
        buffer_size=_BUFFER_BYTES,
        pre_buffer=False,
        page_checksum_verification=True,  # where pages have one
    )
    _check_count(
        sum(_told(file, group).num_rows for group in range(file.metadata.num_row_groups)), file.metadata
    )
    row_bytes = 0.0
    for group in range(file.metadata.num_row_groups):
        told = _told(file, group)
        if told.num_rows > _SAMPLE_ROWS and not row_bytes:
            row_bytes = _sampled(file, group)
        row_bytes = max(row_bytes, told.total_byte_size / max(told.num_rows, 1))
        size = rows_a_batch(row_bytes, 1, batch_bytes)
        rows = nbytes = 0
        for batch in _rows(file, group, min(size, max(told.num_rows, 1))):
            rows += batch.num_rows
            nbytes += batch.nbytes
            yield batch
        _check_count(rows, told)
        row_bytes = nbytes / max(rows, 1)


def _check_ends(data: pa.Buffer) -> None:
    head, tail = data[:4].to_pybytes(), data[-4:].to_pybytes()
    if tail != _MAGIC or data.size < 3 * len(_MAGIC):
        whole_head = _MAGIC.startswith(head)
        raise UnreadableError("truncated_file" if whole_head else "corrupt_file", "no Parquet footer")


def _told(file: Any, group: int) -> Any:
    return file.metadata.row_group(group)


def _check_count(rows: int, told: Any) -> None:
    """No row goes missing silently: each count stands in the footer too."""
    if rows != told.num_rows:
        raise UnreadableError("corrupt_file", f"{rows} rows instead of {told.num_rows}")


def _sampled(file: Any, group: int) -> float:
    """The mean size of the first rows."""
    first = next(_rows(file, group, _SAMPLE_ROWS), None)
    return first.nbytes / first.num_rows if first is not None and first.num_rows else 1.0


def _rows(file: Any, group: int, size: int) -> Iterator[pa.RecordBatch]:
    found: Iterator[pa.RecordBatch] = file.iter_batches(size, row_groups=[group], use_threads=False)
    return found

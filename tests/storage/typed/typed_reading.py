"""What the tests of typed files share: files of every format, and reading them to the end."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from config.formats import TypedFormat
from storage.reading.block_builder import Damage
from storage.reading.rows import Rows
from storage.reading.typed_files import read_rows
from tests.warm_reader import reader

MIB = 1024 * 1024
BATCH_BYTES = 64 * 1024
MEMORY_BYTES = 512 * MIB

NUMBERS = pa.table({"number": range(20_000), "text": [f"row {n}" for n in range(20_000)]})


def read(
    paths: Sequence[str],
    formats: TypedFormat | Sequence[TypedFormat],
    *,
    sizes: Sequence[int] | None = None,
    identities: Sequence[str] | None = None,
    batch_bytes: int = BATCH_BYTES,
    max_record_bytes: int = MIB,
    max_unpacked_bytes: int = 64 * MIB,
    memory_bytes: int = MEMORY_BYTES,
) -> list[Rows | Damage]:
    """All rows and damages, in order; `sizes` are those of local files where they are not given.

    The process that opens them is that of all tests, as for one batch after the other.
    """
    found = read_rows(
        paths,
        sizes or [Path(path).stat().st_size for path in paths],
        identities=identities,
        formats=[formats] * len(paths) if isinstance(formats, str) else formats,
        batch_bytes=batch_bytes,
        max_record_bytes=max_record_bytes,
        max_unpacked_bytes=max_unpacked_bytes,
        memory_bytes=memory_bytes,
        process=reader(memory_bytes=memory_bytes),
    )
    return list(found)


def table(items: Sequence[Rows | Damage], file: int = 0) -> pa.Table | None:
    """The rows of one file; checks on the way that they are numbered without a gap, and valid."""
    batches = []
    rows = 0
    for item in items:
        if isinstance(item, Rows) and item.file == file:
            assert item.batch.num_rows > 0
            assert item.first == rows
            item.batch.validate(full=True)
            rows += item.batch.num_rows
            batches.append(item.batch)
    return pa.Table.from_batches(batches) if batches else None


def damages(items: Sequence[Rows | Damage]) -> list[Damage]:
    """The damages, in order."""
    return [item for item in items if isinstance(item, Damage)]


def children() -> set[int]:
    """The processes that this one has started and that are still there, ended or not."""
    own = str(os.getpid())
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            _, _, rest = status.read_text().rpartition(")")
            if rest.split()[1] == own:
                found.add(int(status.parent.name))
    return found


def parquet(rows: pa.Table = NUMBERS, **options: Any) -> bytes:
    """The bytes of a file."""
    sink = io.BytesIO()
    pq.write_table(rows, sink, **options)
    return sink.getvalue()


def ipc_file(rows: pa.Table = NUMBERS, *, rows_a_batch: int = 1000, **options: Any) -> bytes:
    """The bytes of a file."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, rows.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(rows, rows_a_batch)
    return sink.getvalue()


def ipc_stream(rows: pa.Table = NUMBERS, *, rows_a_batch: int = 1000, **options: Any) -> bytes:
    """The bytes of a file."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(rows, rows_a_batch)
    return sink.getvalue()

"""The rows of a batch's files that have types of their own: Parquet, Arrow IPC, Avro.

files ──► raw bytes ──► one file descriptor each ──► a process that can be spared ──► record batches
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace

import pyarrow as pa

from config.formats import TypedFormat
from storage.reading.block_builder import Damage
from storage.reading.raw_files import open_raw_files
from storage.reading.read_ahead import read_ahead
from storage.reading.rows import Rows
from storage.reading.streams.compression import Compression
from storage.reading.typed.contents import Contents, contents
from storage.reading.typed.reader_process import ReaderProcess
from storage.reading.typed.wire import Outcome, Request

__all__ = ["Rows", "read_rows"]

_BATCHES_AHEAD = 1
_ROW_BYTES = 16
"""What a row counts as where it takes no bytes in its file: nulls, or one value for all rows."""


def read_rows(
    paths: Sequence[str],
    sizes: Sequence[int],
    *,
    identities: Sequence[str] | None = None,
    formats: Sequence[TypedFormat],
    compression: Compression = "auto",
    batch_bytes: int,
    max_record_bytes: int,
    max_unpacked_bytes: int,
    memory_bytes: int,
    first_position: int = 0,
    process: ReaderProcess | None = None,
) -> Generator[Rows | Damage]:
    """Reads files in order, each one's rows in the order of the file. A file without rows leaves no trace.

    Files are opened by another process. What ends that one (a crash of a parser, more memory or time than it
    may take) or is found by it costs the rest of that file: the rows before stay, one `Damage` stands for
    what follows, and the next file is read by a new process.

    Lazy: nothing is started before the first item is asked for; one batch is read ahead, in a thread. Close
    the iterator where it is not read to its end: the process ends with it.

    Args:
        paths: Full paths as `list_landing` gives them, all local or all `s3://`.
        sizes: Their sizes in the store, in bytes.
        identities: Theirs as `list_landing` gives them; a file that has another one by now is refused.
        formats: What each of them is.
        compression: Of all files, around the format's own; `auto` goes by the suffix of each.
        batch_bytes: About the size of a record batch; a longer row makes its batch larger.
        max_record_bytes: Damaged bytes are kept up to this length.
        max_unpacked_bytes: A file that is compressed as a whole, and longer than this without, is not read.
            Nor are more rows than one for every 16 bytes of this, of a file that has fewer bytes than rows.
        memory_bytes: What the process may take to read a file, beyond what it takes by itself.
        first_position: Of the first file in its batch.
        process: The one that opens them, the caller's to close; by default one that ends with the iterator.

    Raises:
        FileVanishedError: A file is not there any more.
        FileChangedError: A file is not what it was when it was listed.
        AccessDeniedError: A file may not be read.
        OutOfSpaceError: There is no room for the copy of an object, or of what a compressed file holds.
        UnavailableError: The store did not answer; retryable.
    """
    raws = open_raw_files(paths, sizes, identities, window_bytes=batch_bytes)
    files = enumerate(zip(raws, paths, formats, strict=True), first_position)
    reader = process or ReaderProcess(memory_bytes=memory_bytes)
    limits = _Limits(batch_bytes, max_record_bytes, max_unpacked_bytes)
    found = _items(reader, files, compression, limits)
    return read_ahead(
        _closing(found, raws, nullcontext() if process else closing(reader)), items=_BATCHES_AHEAD
    )


@dataclass(frozen=True)
class _Limits:
    """Sizes of what is read."""

    batch_bytes: int
    record_bytes: int
    unpacked_bytes: int


def _closing(
    items: Generator[Rows | Damage],
    raws: Generator[io.RawIOBase],
    own_process: AbstractContextManager[object],
) -> Generator[Rows | Damage]:
    with closing(raws), own_process, closing(items):
        yield from items


def _items(
    process: ReaderProcess,
    files: Iterable[tuple[int, tuple[io.RawIOBase, str, TypedFormat]]],
    compression: Compression,
    limits: _Limits,
) -> Generator[Rows | Damage]:
    for file, (raw, path, form) in files:
        with contents(raw, path, compression, max_bytes=limits.unpacked_bytes) as found:
            if found.damage == "too_large_unpacked":
                yield Damage(file, 0, found.size, found.damage, b"")
                continue
            answers = process.read(found.descriptor, Request(form, limits.batch_bytes))
            most = max(found.size, limits.unpacked_bytes // _ROW_BYTES)
            rows, outcome = yield from _rows(file, answers, most)
            if reason := found.damage or outcome.damage:
                yield _damage(file, found, rows, replace(outcome, damage=reason), limits.record_bytes)


def _rows(
    file: int, answers: Generator[pa.RecordBatch, None, Outcome], most: int
) -> Generator[Rows, None, tuple[int, Outcome]]:
    """The rows of one file, up to `most`; in the end, how many they were, and how it ended."""
    first = 0
    with closing(answers):
        while True:
            try:
                batch = next(answers)
            except StopIteration as end:
                return first, end.value
            rows = batch.slice(0, most - first)
            if rows.num_rows:
                yield Rows(file, first, rows)
            first += rows.num_rows
            if rows.num_rows < batch.num_rows:
                return first, Outcome("too_large_unpacked", detail=f"more than {most} rows")


def _damage(file: int, found: Contents, rows: int, outcome: Outcome, max_record_bytes: int) -> Damage:
    """From where nothing was read; else the whole file, whose bytes are kept where none of it was."""
    assert outcome.damage
    offset = outcome.offset or 0
    length = found.size - offset
    lost = (not rows or outcome.offset is not None) and length <= max_record_bytes
    return Damage(file, offset, length, outcome.damage, found.tail(offset) if lost else b"")

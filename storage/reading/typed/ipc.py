"""Arrow IPC, the file format (also called Feather) and the stream, told apart by the magic bytes."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pyarrow as pa

from storage.reading.typed.failure import UnreadableError

_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"
_STREAM_OFFSET = 8  # behind the magic bytes and their padding, a file is a stream


def read(data: pa.Buffer, _batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """The batches in order, as they were written.

    A file whose end is missing is read as the stream it begins with.

    Raises:
        UnreadableError: The end of a file is missing, or something follows the end of a stream; the batches
            before it were given.
        pa.ArrowException: What pyarrow says of a damage.
    """
    head, tail = data[: len(_MAGIC)].to_pybytes(), data[-len(_MAGIC) :].to_pybytes()
    if head[:4] == _FEATHER_1:
        raise UnreadableError("unsupported_schema", "Feather version 1, which Arrow IPC replaced")
    if not data.size or (head != tail and _MAGIC.startswith(head)):
        yield from _stream(data[_STREAM_OFFSET:])
        raise UnreadableError("truncated_file", "no footer")
    if head == _MAGIC:
        yield from _file(data)
    else:
        past = yield from _stream(data)
        if data[past:].to_pybytes().strip(b"\0"):
            raise UnreadableError("corrupt_file", "something follows the stream", offset=past)


def _file(data: pa.Buffer) -> Iterator[pa.RecordBatch]:
    reader = pa.ipc.open_file(data)
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)


def _stream(data: pa.Buffer) -> Generator[pa.RecordBatch, None, int]:
    """Its batches; in the end, where it ends."""
    source = pa.BufferReader(data)
    yield from pa.ipc.open_stream(source)
    past: int = source.tell()
    return past

"""A pushed batch as a file: a stream of Arrow IPC, compressed by zstd, that says at its head what it holds.

The hash of the contents is only known when the last row is written. Its place in the metadata of the schema
is kept by digits of the same length, which it replaces before the file lands.
"""

from __future__ import annotations

import os
import secrets
from typing import IO, Final

import pyarrow as pa

from serving.push.place import Place
from storage.landing.new_file import first_bytes
from storage.upstream import translated

_KEY: Final = b"penstock.contents"
_HEX_BYTES: Final = 32
_FRAME: Final = 8
"""Bytes before the schema: four of 0xFF, and the length of the rest as a little-endian integer of 32 bits."""
_LONGEST_SCHEMA: Final = 2**26


class StoredRows:
    """Rows on their way into a file; errors of the disk leave as a `StorageError`."""

    def __init__(self, file: IO[bytes], schema: pa.Schema, where: str) -> None:
        self._file, self._where = file, where
        self._place = secrets.token_hex(_HEX_BYTES).encode()
        marked = schema.with_metadata({**(schema.metadata or {}), _KEY: self._place})
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with translated("write a pushed batch", where):
            self._writer = pa.ipc.new_stream(file, marked, options=options)

    def write(self, rows: pa.RecordBatch) -> None:
        """Adds rows."""
        with translated("write a pushed batch", self._where):
            self._writer.write_batch(rows)

    def end(self, contents: str) -> None:
        """Ends the stream, and says at its head what it holds."""
        with translated("write a pushed batch", self._where):
            self._writer.close()
            self._file.flush()
            number = self._file.fileno()
            head = os.pread(number, _FRAME + _schema_bytes(os.pread(number, _FRAME, 0)), 0)
            os.pwrite(number, contents.encode(), head.index(self._place))


def stored_contents(place: Place) -> str | None:
    """The hash of the file that is there; empty where nobody pushed it, None where there is none.

    Raises:
        StorageError: It cannot be read.
    """
    frame = first_bytes(place.zone, place.name, _FRAME)
    if frame is None:
        return None
    head = first_bytes(place.zone, place.name, _FRAME + _schema_bytes(frame))
    try:
        metadata = pa.ipc.read_schema(pa.py_buffer(head or b"")).metadata or {}
    except (pa.ArrowException, OSError, EOFError):
        return ""
    return str(metadata.get(_KEY, b"").decode("ascii", errors="replace"))


def _schema_bytes(frame: bytes) -> int:
    return min(int.from_bytes(frame[4:], "little"), _LONGEST_SCHEMA)

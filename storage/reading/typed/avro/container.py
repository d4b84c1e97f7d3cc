"""Avro's object container files, taken apart: a header, and blocks of rows that end with the same mark.

https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import pyarrow as pa

from storage.reading.typed.avro.codecs import DECOMPRESS, ERRORS
from storage.reading.typed.avro.schema import Node, parse_schema, unsupported
from storage.reading.typed.failure import UnreadableError

_MAGIC = b"Obj\x01"
_MARK_BYTES = 16
_MAX_SHIFT = 63
_FEW_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """Rows one after the other.

    Attributes:
        offset: Where the block begins in the file, in bytes.
        rows: How many there are, as the block says.
        data: Decompressed.
    """

    offset: int
    rows: int
    data: bytes


class Container:
    """A file from its head to its end.

    Attributes:
        row: The schema.

    Raises:
        UnreadableError: The header is damaged, or asks for what is not supported.
    """

    def __init__(self, data: pa.Buffer) -> None:
        self._data = memoryview(data)
        self._position = self._block = 0
        magic = bytes(self._data[: len(_MAGIC)])
        if magic != _MAGIC:
            whole = not _MAGIC.startswith(magic)
            raise UnreadableError("corrupt_file" if whole else "truncated_file", "no Avro container")
        self._take(len(_MAGIC))
        metadata = dict(self._metadata())
        self._mark = self._take(_MARK_BYTES)
        codec = metadata.get(b"avro.codec", b"null").decode("utf-8", "replace")
        if codec not in DECOMPRESS:
            raise unsupported(f"the codec {codec}")
        self._decompress = DECOMPRESS[codec]
        self.row: Node = parse_schema(metadata.get(b"avro.schema", b""))

    def blocks(self) -> Iterator[Block]:
        """The blocks in order.

        Raises:
            UnreadableError: A block is damaged; those before it were given.
        """
        while self._position < len(self._data):
            self._block = self._position
            rows, size = self._number(), self._number()
            stored = self._take(size)
            if self._take(_MARK_BYTES) != self._mark:
                self._fail("a block does not end with the mark")
            try:
                data = self._decompress(stored)
            except MemoryError:
                raise
            except ERRORS as error:
                self._fail(repr(error))
            if rows < 0 or rows > max(len(data), _FEW_ROWS):
                self._fail(f"a block of {rows} rows in {len(data)} bytes")
            yield Block(self._block, rows, data)

    def _metadata(self) -> Iterator[tuple[bytes, bytes]]:
        while count := self._number():
            if count < 0:
                self._number()
            for _ in range(abs(count)):
                key = self._take(self._number())
                yield key, self._take(self._number())

    def _number(self) -> int:
        bits = shift = 0
        while (byte := self._take(1)[0]) >= 0x80:
            bits |= (byte & 0x7F) << shift
            shift += 7
            if shift > _MAX_SHIFT:
                self._fail("a number without an end")
        bits |= byte << shift
        return (bits >> 1) ^ -(bits & 1)

    def _take(self, size: int) -> bytes:
        if size < 0:
            self._fail("a negative length")
        taken = bytes(self._data[self._position : self._position + size])
        if len(taken) < size:
            raise UnreadableError("truncated_file", "the file ends in a block", offset=self._block)
        self._position += size
        return taken

    def _fail(self, why: str) -> NoReturn:
        raise UnreadableError("corrupt_file", why, offset=self._block)

"""Avro files made by hand: any bytes as blocks, under any schema."""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import zstandard

MARK = bytes(range(16))


def _deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def _snappy(data: bytes) -> bytes:
    body: bytes = pa.compress(data, codec="snappy", asbytes=True)
    return body + zlib.crc32(data).to_bytes(4, "big")


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": _deflate,
    "snappy": _snappy,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": zstandard.compress,
}


def container(schema: str, blocks: Iterable[tuple[int, bytes]], *, codec: str = "null") -> bytes:
    """A file of the blocks, each with the number of its rows, whatever they hold."""
    parts = [header(schema, codec=codec)]
    for rows, data in blocks:
        stored = COMPRESS[codec](data)
        parts += [number(rows), number(len(stored)), stored, MARK]
    return b"".join(parts)


def header(schema: str, *, codec: str = "null") -> bytes:
    """What stands before the first block."""
    metadata = text("avro.schema") + text(schema) + text("avro.codec") + text(codec)
    return b"Obj\x01" + number(2) + metadata + number(0) + MARK


def number(value: int) -> bytes:
    """An int or a long."""
    bits = (value << 1) ^ (value >> 63)
    found = bytearray()
    while bits >= 0x80:
        found.append(bits & 0x7F | 0x80)
        bits >>= 7
    return bytes([*found, bits])


def text(value: str | bytes) -> bytes:
    """A string, or bytes."""
    data = value.encode() if isinstance(value, str) else value
    return number(len(data)) + data


def record(**fields: Any) -> str:
    """The schema of a record."""
    return json.dumps(
        {"type": "record", "name": "r", "fields": [{"name": k, "type": v} for k, v in fields.items()]}
    )


def avro(rows: pa.Table, *, rows_a_block: int, codec: str = "null") -> bytes:
    """A table of whole numbers and text as a file."""
    kinds = {name: "long" if pa.types.is_integer(rows[name].type) else "string" for name in rows.column_names}
    blocks = []
    for start in range(0, rows.num_rows, rows_a_block):
        part = rows.slice(start, rows_a_block)
        values = zip(*(part[name].to_pylist() for name in kinds), strict=True)
        data = b"".join(number(v) if isinstance(v, int) else text(v) for row in values for v in row)
        blocks.append((part.num_rows, data))
    return container(record(**kinds), blocks, codec=codec)

"""Clients of rows as JSON, to the same end as those of Flight: typed Arrow; or to Python's objects.

`to_arrow` and `to_objects` ask `json_server`, `from_service` asks `json_service`.
"""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pyarrow.json

Counted = tuple[int, int, int]
"""Rows, bytes of Arrow's buffers, streams."""
_BLOCK_BYTES = 8 * 2**20


def to_arrow(uri: str, _path: str) -> Counted:
    """By the parser of pyarrow: native, told the types, blocks at the same time on all cores."""
    with urllib.request.urlopen(f"{uri}/schema") as answer:
        schema = pa.ipc.read_schema(pa.py_buffer(answer.read()))
    with urllib.request.urlopen(uri) as answer, ThreadPoolExecutor(os.cpu_count()) as threads:
        parsed = list(threads.map(partial(_parsed, schema), _blocks(answer)))
    return sum(rows for rows, _ in parsed), sum(size for _, size in parsed), 1


def to_objects(uri: str, _path: str) -> Counted:
    """A dictionary each, by orjson, the fastest parser to Python's objects; bytes are not counted."""
    with urllib.request.urlopen(uri) as answer:
        lines = (line for block in _blocks(answer) for line in block.splitlines())
        return sum(bool(orjson.loads(line)) for line in lines), 0, 1


def from_service(uri: str, path: str) -> Counted:
    """As programs use a service: `.json()` of the whole answer, and a table of it, told the types."""
    with httpx.Client(base_url=uri, timeout=None) as client:
        schema = pa.ipc.read_schema(pa.py_buffer(client.get(f"/{path.partition('?')[0]}/schema").content))
        rows = client.get(f"/{path}").raise_for_status().json()
    texts = [_as_text(field) if pa.types.is_temporal(field.type) else field for field in schema]
    table = pa.Table.from_pylist(rows, pa.schema(texts)).cast(schema)
    return table.num_rows, table.nbytes, 1


def _blocks(answer: Any) -> Iterator[bytes]:
    """Whole lines."""
    while block := answer.read(_BLOCK_BYTES):
        yield block + answer.readline()


def _parsed(schema: Any, block: bytes) -> tuple[int, int]:
    texts = [_as_text(field) if pa.types.is_date(field.type) else field for field in schema]
    table = pyarrow.json.read_json(
        pa.BufferReader(block),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=2 * _BLOCK_BYTES),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=pa.schema(texts)),
    )
    typed = table.cast(schema)  # days: this parser takes them for text alone
    return typed.num_rows, typed.nbytes


def _as_text(field: Any) -> Any:
    return field.with_type(pa.string())

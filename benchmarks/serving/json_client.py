"""Clients of rows as JSON, to the same end as those of Flight: typed Arrow; or to Python's objects."""

from __future__ import annotations

import urllib.request

import orjson
import pyarrow as pa
import pyarrow.json

Counted = tuple[int, int, int]
"""Rows, bytes of Arrow's buffers, streams."""
_BLOCK_BYTES = 4 * 2**20


def to_arrow(uri: str, _sql: str) -> Counted:
    """By the parser of pyarrow: native, some blocks at the same time, told the types."""
    with urllib.request.urlopen(f"{uri}/schema") as answer:
        schema = pa.ipc.read_schema(pa.py_buffer(answer.read()))
    days = [field.name for field in schema if pa.types.is_date(field.type)]
    texts = [field.with_type(pa.string()) if field.name in days else field for field in schema]
    rows = size = 0
    with urllib.request.urlopen(uri) as answer:
        batches = pyarrow.json.open_json(
            answer,
            read_options=pyarrow.json.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=pa.schema(texts)),
        )
        for batch in batches:
            typed = batch.cast(schema)  # days: this parser takes them for text alone
            rows, size = rows + typed.num_rows, size + typed.nbytes
    return rows, size, 1


def to_objects(uri: str, _sql: str) -> Counted:
    """As most programs read JSON: a dictionary each, by orjson; bytes are not counted."""
    with urllib.request.urlopen(uri) as answer:
        return sum(bool(orjson.loads(line)) for line in answer), 0, 1

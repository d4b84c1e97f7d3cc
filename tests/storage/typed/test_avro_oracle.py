"""Avro files give what fastavro reads, whatever the schema."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.reading.typed.avro import read as read_avro
from tests.storage.typed.avro_values import schemas_and_rows


@settings(max_examples=60)
@given(
    written=schemas_and_rows(),
    codec=st.sampled_from(["null", "deflate", "bzip2", "xz"]),
    block_bytes=st.sampled_from([1, 50, 16_000]),
    batch_bytes=st.sampled_from([1, 100, 1 << 16]),
)
def test_read_gives_what_fastavro_reads(
    written: tuple[Any, list[Any]], codec: str, block_bytes: int, batch_bytes: int
) -> None:
    schema, rows = written
    sink = io.BytesIO()
    fastavro.writer(sink, fastavro.parse_schema(schema), rows, codec=codec, sync_interval=block_bytes)

    rows_found = [
        row
        for batch in read_avro(pa.py_buffer(sink.getvalue()), batch_bytes)
        for row in batch.to_pylist(maps_as_pydicts="strict")
    ]

    sink.seek(0)
    found = repr(rows_found).replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc")
    assert found == repr(list(fastavro.reader(sink)))

"""NDJSON and CSV: the beginning of the file as pyarrow decodes it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from pipelines.inspection.document import Inspection, memory_document
from pipelines.inspection.parquet import fields_of
from storage.buffers.memory import memory
from storage.reading.typed.mapped import Mapped


def inspect_text(
    file: Mapped, form: Literal["ndjson", "csv"], delimiter: str, *, is_whole: bool
) -> Generator[str, None, Inspection]:
    """Gives the document of `file`, which holds whole lines: all of the file, or a sample of its beginning.

    Raises:
        pa.ArrowException: It does not decode, or its types change on the way.
    """
    yield "sample"
    source = pa.BufferReader(file.data)
    if form == "csv":
        parsing = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        table = pa.csv.read_csv(source, parse_options=parsing)
    else:
        block = pa.json.ReadOptions(block_size=max(file.data.size, 1), use_threads=False)
        table = pa.json.read_json(source, read_options=block)
    sample = f"the first {table.num_rows:,} records ({file.data.size:,} bytes)"
    return Inspection(
        path="",
        format=form.upper(),
        bytes=file.data.size,
        rows=table.num_rows if is_whole else None,
        facts={"types": "as pyarrow infers them from " + ("all records" if is_whole else sample)},
        schema=fields_of(table.schema),
        row_groups=None,
        chunks_of="",
        chunks=[],
        ranges=[],
        memory=memory_document(memory(table), "all records" if is_whole else sample),
    )

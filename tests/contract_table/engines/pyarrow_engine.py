"""PyArrow: text under a schema; typed files, cast to it where that is safe."""

from __future__ import annotations

import base64
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from tests.contract_table.engines.loop import File, Rows, run_engine


def read(file: File) -> Rows:
    """The rows of one file."""
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(file["arrow"])))
    match file["format"]:
        case "ndjson":
            table = pa.json.read_json(
                file["path"], parse_options=pa.json.ParseOptions(explicit_schema=schema)
            )
        case "csv":
            newlines = pa.csv.ParseOptions(newlines_in_values=True)
            types = pa.csv.ConvertOptions(column_types=schema)
            table = pa.csv.read_csv(file["path"], parse_options=newlines, convert_options=types)
        case _:
            found = pq.read_table(file["path"])
            table = found.cast(pa.schema([(one.name, _type(schema, one)) for one in found.schema]))
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _type(schema: pa.Schema, found: pa.Field) -> pa.DataType:
    return schema.field(found.name).type if found.name in schema.names else found.type


if __name__ == "__main__":
    run_engine(pa.__version__, read)

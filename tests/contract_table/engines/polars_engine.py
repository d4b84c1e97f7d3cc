"""Polars: text under a schema; typed files, cast to it."""

from __future__ import annotations

import base64

import polars as pl
import pyarrow as pa

from tests.contract_table.engines.loop import File, Rows, run_engine


def read(file: File) -> Rows:
    """The rows of one file."""
    arrow = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(file["arrow"])))
    schema = pl.DataFrame(arrow.empty_table()).schema
    match file["format"]:
        case "ndjson":
            frame = pl.read_ndjson(file["path"], schema=schema)
        case "csv":
            frame = pl.read_csv(file["path"], schema=schema)
        case _:
            found = pl.read_parquet(file["path"])
            frame = found.cast({name: kind for name, kind in schema.items() if name in found.columns})
    return frame.to_dicts()


if __name__ == "__main__":
    run_engine(pl.__version__, read)

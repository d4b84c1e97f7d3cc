"""Takes open records out of the quarantine again, in an order that never changes, a span at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

import polars as pl

from storage.errors import TableError
from storage.tables.ledger import OPEN_FILES_SCHEMA
from storage.tables.quarantined import open_rows, quarantine_uri
from storage.upstream import translated

RECALLED_SCHEMA = pl.Schema(
    {
        "file": pl.Int32(),
        "path": pl.String(),
        "record": pl.Int64(),
        "offset": pl.Int64(),
        "replays": pl.Int64(),
        "raw": pl.Binary(),
    }
)
"""One row a record: `file`, its position among the files to replay; `replays`, the batch that refused it; the
rest as the quarantine has it. Only `offset` may be null."""

WHOLE_FILE: Final = ("corrupt_file", "reader_crashed", "unsupported_schema")
"""Reasons of what stands for a file as a whole, which no record can be made of."""

_IS_RECORD = pl.col("path").is_not_null() & ~pl.col("reason").is_in(WHOLE_FILE)


def open_files(table_uri: str, pipeline: str, up_to: int) -> pl.DataFrame:
    """The files with records to replay: rows of `OPEN_FILES_SCHEMA`, sorted by `replays` and `path`.

    Eager; reads all open records, and keeps one row a file. What transforms made out of records, what was too
    long to be kept, and what stands for a whole file cannot be replayed.

    Args:
        table_uri: The data table's.
        up_to: The data table's last batch.
    """
    rows = open_rows(table_uri, pipeline, up_to=up_to).filter(_IS_RECORD, pl.col("raw").is_not_null())
    sizes = rows.group_by(replays="batch", path="path").agg(
        size=pl.col("raw").bin.size().sum(), records=pl.len()
    )
    with translated("read the quarantine", quarantine_uri(table_uri)):
        files = sizes.cast(OPEN_FILES_SCHEMA).collect(engine="streaming")
    return files.select(OPEN_FILES_SCHEMA.names()).sort("replays", "path")


def recalled_records(
    table_uri: str, pipeline: str, files: pl.DataFrame, *, up_to: int, span_bytes: int
) -> Generator[pl.DataFrame]:
    """The records of `files` as frames of RECALLED_SCHEMA, in the order of file and record.

    Lazy: holds the records of one frame, about `span_bytes` or a single longer record, and the places of
    those of one batch. The same whenever it is called: later batches are not looked at.

    Args:
        table_uri: The data table's.
        files: Columns `file`, `path` and `replays`, sorted by all of them.
        up_to: The batch before the one that replays.

    Raises:
        TableError: Final. The quarantine changed meanwhile.
        StorageError: It cannot be read.
    """
    for _, some in files.group_by("replays", maintain_order=True):
        batch = int(some["replays"][0])
        rows = open_rows(table_uri, pipeline, batch=batch, up_to=up_to).filter(_IS_RECORD)
        rows = rows.join(some.lazy().select("file", "path", "replays"), on="path")
        with translated("read the quarantine", quarantine_uri(table_uri)):
            places = rows.select("file", "path", "record", "length").collect(engine="streaming")
        for span in _spans(places.sort("file", "record"), span_bytes):
            yield _records(table_uri, rows, span)


def _spans(places: pl.DataFrame, span_bytes: int) -> Iterator[pl.DataFrame]:
    """Neighbours that are about `span_bytes` long together."""
    before = pl.col("length").cum_sum() - pl.col("length")
    numbered = places.with_columns(span=before // span_bytes)
    yield from numbered.partition_by("span", maintain_order=True, include_key=False)


def _records(table_uri: str, rows: pl.LazyFrame, span: pl.DataFrame) -> pl.DataFrame:
    first, last = span["path"][0], span["path"][-1]
    some = rows.filter(pl.col("path").is_between(pl.lit(first), pl.lit(last)))
    if first == last:
        some = some.filter(pl.col("record").is_between(span["record"][0], span["record"][-1]))
    uri = quarantine_uri(table_uri)
    with translated("read the quarantine", uri):
        found = some.join(span.lazy().select("file", "record"), on=["file", "record"], how="semi").collect()
    if found.height != span.height:
        raise TableError(
            "the quarantine changed while its records were replayed",
            where=uri,
            got=f"{found.height} records from {first} to {last}",
            expected=f"{span.height}, as before",
            next_step="run again; nothing may be deleted from the quarantine by hand",
        )
    return found.filter(pl.col("raw").is_not_null()).select(RECALLED_SCHEMA.names()).sort("file", "record")

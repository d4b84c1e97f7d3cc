"""Takes open records out of the quarantine again, in an order that never changes, a span at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

import polars as pl

from storage.errors import TableError
from storage.tables.ledger import OPEN_FILES_SCHEMA
from storage.tables.quarantined import open_rows, quarantine_rows, quarantine_uri, refused_among
from storage.upstream import translated

RECALLED_SCHEMA = pl.Schema(
    {
        "file": pl.Int32(),
        "path": pl.String(),
        "record": pl.Int64(),
        "offset": pl.Int64(),
        "replays": pl.Int64(),
        "raw": pl.Binary(),
        "header": pl.String(),
    }
)
"""One row a record: `file`, its position among the files to replay; `replays`, the batch that refused it; the
rest as the quarantine has it. Only `offset` and `header` may be null."""

WHOLE_FILE: Final = (
    "bad_header",
    "corrupt_document",
    "corrupt_file",
    "reader_crashed",
    "unsupported_schema",
)
"""Reasons of what stands for a file, or for all that is left of one, which no record can be made of."""

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
        TableError: Final. The quarantine changed meanwhile, or holds a record twice.
        StorageError: It cannot be read.
    """
    for _, some in files.group_by("replays", maintain_order=True):
        batch = int(some["replays"][0])
        rows = open_rows(table_uri, pipeline, batch=batch, up_to=up_to).filter(_IS_RECORD)
        places = _places(table_uri, rows.join(some.lazy().select("file", "path"), on="path"))
        refused = refused_among(quarantine_rows(table_uri, pipeline).filter(pl.col("batch") == batch))
        for span in _spans(places, span_bytes):
            yield _records(table_uri, refused.rename({"batch": "replays"}), span)


def _places(table_uri: str, rows: pl.LazyFrame) -> pl.DataFrame:
    """`file`, `path`, `record` and `length` of all of them, in the order of file and record."""
    uri = quarantine_uri(table_uri)
    with translated("read the quarantine", uri):
        places = rows.select("file", "path", "record", "length").collect(engine="streaming")
    twice = places.filter(pl.struct("file", "record").is_duplicated())
    if twice.height:
        raise TableError(
            "a refused record is in the quarantine twice, and would be taken in twice",
            where=uri,
            got=f"{twice.height} rows, the first of record {twice['record'][0]} of {twice['path'][0]}",
            next_step="see what penstock verify says, and restore the quarantine to a version without them",
        )
    return places.sort("file", "record")


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
        found = some.join(span.lazy().select("file", "path", "record"), on=["path", "record"]).collect()
    if found.height != span.height:
        raise TableError(
            "the quarantine changed while its records were replayed",
            where=uri,
            got=f"{found.height} records from {first} to {last}",
            expected=f"{span.height}, as before",
            next_step="run again; nothing may be deleted from the quarantine by hand",
        )
    return found.filter(pl.col("raw").is_not_null()).select(RECALLED_SCHEMA.names()).sort("file", "record")

"""Takes open records out of the quarantine again, in an order that never changes, a span at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Final

import polars as pl

from storage.errors import TableError
from storage.tables.ledger.planned import OPEN_FILES_SCHEMA
from storage.tables.quarantine.records import open_rows, quarantine_rows, quarantine_uri, refused_among
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
    "truncated_file",  # what is cut off may look whole: a line of CSV whose last cell is not
    "too_large_unpacked",
    "unsupported_schema",
)
"""Reasons of what stands for a file, or for all that is left of one, which no record can be made of."""

_FILE: Final = ("replays", "path")
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
    those of one batch, or of small neighbours. The same whenever it is called: later batches are not looked
    at.

    Args:
        table_uri: The data table's.
        files: Columns `file`, `path`, `size` and `replays`, sorted by `file`: by `replays`, then `path`.
        up_to: The batch before the one that replays.

    Raises:
        TableError: Final. The quarantine changed meanwhile, or holds a record twice.
        StorageError: It cannot be read.
    """
    for some in _neighbours(files, span_bytes):
        batches = some["replays"][0], some["replays"][-1]
        rows = open_rows(table_uri, pipeline, batch=batches, up_to=up_to).filter(_IS_RECORD)
        rows = rows.rename({"batch": "replays"}).join(some.lazy().select("file", *_FILE), on=_FILE)
        places = _places(table_uri, rows)
        refused = quarantine_rows(table_uri, pipeline).filter(pl.col("batch").is_between(*batches))
        refused = refused_among(refused).rename({"batch": "replays"})
        for span in _spans(places, span_bytes):
            yield _records(table_uri, refused, span, some.filter(_between("file", span["file"])))


def _neighbours(files: pl.DataFrame, span_bytes: int) -> Iterator[pl.DataFrame]:
    """The files of batches that refused about `span_bytes` together, or of one: each costs some queries."""
    before = pl.col("size").cum_sum() - pl.col("size")
    groups = files.with_columns(group=before // span_bytes).select(pl.col("group").first().over("replays"))
    begins = 0
    for count in groups["group"].rle().struct.field("len"):
        yield files.slice(begins, count)
        begins += count


def _places(table_uri: str, rows: pl.LazyFrame) -> pl.DataFrame:
    """`file`, `record` and `length` of all of them, in the order of file and record."""
    uri = quarantine_uri(table_uri)
    with translated("read the quarantine", uri):
        places = rows.select("file", "record", "length").collect(engine="streaming")
    places = places.sort("file", "record")
    twice = places.filter((pl.col("file").diff() == 0) & (pl.col("record").diff() == 0))
    if twice.height:
        raise TableError(
            "a refused record is in the quarantine twice, and would be taken in twice",
            where=uri,
            got=f"{twice.height} rows too many, the first of record {twice['record'][0]}",
            next_step="see what penstock verify says, and restore the quarantine to a version without them",
        )
    return places


def _spans(places: pl.DataFrame, span_bytes: int) -> Iterator[pl.DataFrame]:
    """Neighbours that are about `span_bytes` long together."""
    lengths = places["length"].fill_null(0)
    before = lengths.cum_sum() - lengths
    first = 0
    for size in (before // span_bytes).rle().struct.field("len"):
        yield places.slice(first, size)
        first += size


def _between(column: str, sorted_values: pl.Series) -> pl.Expr:
    return pl.col(column).is_between(pl.lit(sorted_values[0]), pl.lit(sorted_values[-1]))


def _records(table_uri: str, rows: pl.LazyFrame, span: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    some = rows.filter(_between("path", files["path"].sort()))
    if files.height == 1:
        some = some.filter(_between("record", span["record"]))
    uri = quarantine_uri(table_uri)
    some = some.join(files.lazy().select("file", *_FILE), on=_FILE)
    with translated("read the quarantine", uri):
        found = some.join(span.lazy().select("file", "record"), on=["file", "record"], how="semi").collect()
    if found.height != span.height:
        raise TableError(
            "the quarantine changed while its records were replayed",
            where=uri,
            got=f"{found.height} records from {files['path'][0]} to {files['path'][-1]}",
            expected=f"{span.height}, as before",
            next_step="run again; nothing may be deleted from the quarantine by hand",
        )
    return found.filter(pl.col("raw").is_not_null()).select(RECALLED_SCHEMA.names()).sort("file", "record")

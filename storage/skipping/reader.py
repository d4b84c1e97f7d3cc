"""A Delta table for readers: pinned to a version, and no more read of it than an answer needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from polars.io.plugins import register_io_source

from storage.errors import TableSchemaError
from storage.filesystem import delta_storage_options
from storage.skipping.fragments import Fragments
from storage.skipping.log_statistics import files_of
from storage.skipping.measured import Measured
from storage.skipping.parsing import parse, understood
from storage.skipping.plan import Question, choose_files, open_files
from storage.skipping.predicate import UNKNOWN, Path, Predicate, type_at
from storage.skipping.projection import Projection, projection
from storage.streaming import streamed
from storage.tables.log.versions import open_version, version_at
from storage.upstream import translated

_PLAIN_FEATURES = {"timestampNtz"}


def read_table(uri: str, version: int | None = None, at: datetime | None = None) -> TableReader:
    """The Delta table at `uri`, to be read; costs its log.

    Args:
        uri: A folder, or `s3://bucket/prefix`.
        version: Which one; the newest unless given.
        at: The newest version that was there at this moment, in place of `version`; UTC without a zone.

    Raises:
        NotFoundError: There is no table, or no such version.
        StorageError: The table is there and cannot be read.
        ValueError: Both `version` and `at` are given.
    """
    if version is not None and at is not None:
        raise ValueError("version and at are two ways to say the same: give one of them")
    return TableReader(uri, open_version(uri, version if at is None else version_at(uri, at)))


class TableReader:
    """One version of a table: what is committed later is not seen, however long it is read.

    Each way to read skips the partitions and files whose values and bounds in the log exclude a match, then
    row groups by the statistics of their footers, then the columns that nobody asked for. Rows come in no
    order. A table with deletion vectors or other features that change how files are read is left to Polars.

    Attributes:
        uri: The table's.
        table: As delta-rs has it.
        schema: The columns, with the types of Polars.
    """

    def __init__(self, uri: str, table: DeltaTable) -> None:
        self.uri = uri
        self.table = table
        self._files: pl.DataFrame | None = None
        self.schema = pl.Schema(table.schema())

    @property
    def version(self) -> int:
        """The version that is read."""
        return int(self.table.version())

    def arrow_schema(self) -> Any:
        """The columns as a `pyarrow.Schema`."""
        return pa.schema(self.table.schema().to_arrow())

    def files(self) -> pl.DataFrame:
        """What the log says of the files: `path`, `size` (bytes), `rows`, and their statistics."""
        if self._files is None:
            self._files = files_of(self.table)
        return self._files

    def lazy(self) -> pl.LazyFrame:
        """The rows as a LazyFrame; what is filtered and selected afterwards decides what is read.

        Memory is bounded by some row groups where it is collected by the streaming engine.
        """
        return self.query()

    def query(
        self,
        where: pl.Expr | None = None,
        columns: Sequence[str] | None = None,
        measured: Measured | None = None,
    ) -> pl.LazyFrame:
        """As `lazy`, of the rows that meet `where`; null counts as not met.

        Args:
            where: A boolean expression over the columns of the table.
            columns: Columns, or dotted paths to fields of structs, which then bear the path as their name; a
                whole name goes before a path. All columns unless given.
            measured: Counts what it takes, each time that the frame is collected.

        Raises:
            TableSchemaError: A column is not there.
        """
        paths = {name: self.path(name) for name in columns or ()}
        if not self.is_plain():
            options = delta_storage_options(self.uri) or None
            rows = pl.scan_delta(self.table, storage_options=options)
            rows = rows.with_columns(
                _field(path).alias(name) for name, path in paths.items() if len(path) > 1
            )
        else:
            rows = self._source(paths, measured)
        if where is not None:
            rows = rows.filter(where)
        return rows.select(list(self.schema) if columns is None else list(columns))

    def batches(self, where: pl.Expr | None = None, columns: Sequence[str] | None = None) -> Any:
        """The rows that meet `where` as a `pyarrow.RecordBatchReader`; read as it is drawn.

        Memory is bounded by some row groups. Batches may be of any size, but none is empty. Drawing raises
        StorageError where files cannot be read.

        Args:
            where: See `query`. `pl.sql_expr` makes one of SQL, which must be the caller's own: Polars opens
                files that SQL names.
            columns: See `query`.

        Raises:
            TableSchemaError: A column is not there.
            StorageError: The condition does not fit the columns.
        """
        rows = self.query(where, columns)
        with translated("read the table", self.uri):
            empty = pl.DataFrame(schema=rows.collect_schema())
        return pa.RecordBatchReader.from_batches(
            pa.RecordBatchReader.from_stream(empty).schema, self._batches(rows)
        )

    def _batches(self, rows: pl.LazyFrame) -> Iterator[Any]:
        with translated("read the table", self.uri):
            for frame in streamed(rows):
                for batch in pa.RecordBatchReader.from_stream(frame):
                    if batch.num_rows:
                        yield batch

    def dataset(self, where: pl.Expr | None = None) -> Any:
        """The table as a `pyarrow.dataset.Dataset`, which tells pyarrow the partition values of each file.

        pyarrow then skips files by their partition, and row groups by their footers.

        Args:
            where: Leaves out what cannot hold matches; rows that do not meet it may remain.

        Raises:
            StorageError: The files cannot be read.
        """
        if not self.is_plain():
            return self.table.to_pyarrow_dataset()
        fragments = Fragments(self.uri, self.table)
        if where is None:
            return fragments.dataset(fragments.of(self.files()))
        question = self.question(where)
        with translated("read the table", self.uri):
            opened = open_files(choose_files(self.files(), question).files, question, fragments)
            return fragments.dataset([part for some in opened for part in some.parts()])

    def path(self, name: str) -> Path:
        """The path that a name or a dotted path leads to.

        Raises:
            TableSchemaError: Nowhere.
        """
        path: Path = (name,) if name in self.schema else tuple(name.split("."))
        fields: Mapping[str, Any] = self.schema
        for part in path:
            if part not in fields:
                raise TableSchemaError("the table has no such column", where=self.uri, got=name)
            fields = dict(fields[part].to_schema()) if isinstance(fields[part], pl.Struct) else {}
        return path

    def question(self, where: pl.Expr | None) -> Question:
        """What statistics can judge of a condition; None is for all rows."""
        return Question.of(UNKNOWN if where is None else understood(where, self.schema), self.schema)

    def is_plain(self) -> bool:
        """Whether the rows of the table are those of its files, below its folder."""
        features = self.table.protocol().reader_features
        plain = set(features or ()) <= _PLAIN_FEATURES and self.table.protocol().min_reader_version != 2
        return plain and not self.files()["path"].str.contains("^[a-z0-9]+://|^/").any()

    def _source(self, paths: Mapping[str, Path], measured: Measured | None) -> pl.LazyFrame:
        """The rows as a source that Polars tells what it needs; what `paths` names is a column."""
        paths = {**{name: (name,) for name in self.schema}, **paths}
        schema = pl.Schema({name: type_at(self.schema, path) for name, path in paths.items()})

        def source(
            columns: list[str] | None, where: pl.Expr | None, rows: int | None, _size: int | None
        ) -> Iterator[pl.DataFrame]:
            names = list(schema) if columns is None else columns
            asked = projection({name: paths[name] for name in names}, where, paths)
            predicate = UNKNOWN if where is None else parse(where, self.schema, paths)
            return _limited(self._frames(predicate, asked, schema, measured), rows)

        return register_io_source(source, schema=schema, is_pure=measured is None, explain_name="penstock")

    def _frames(
        self, predicate: Predicate, asked: Projection, schema: pl.Schema, measured: Measured | None
    ) -> Iterator[pl.DataFrame]:
        question = Question.of(predicate, self.schema)
        fragments = Fragments(self.uri, self.table, None if measured is None else measured.fetched)
        chosen = choose_files(self.files(), question)
        if measured is not None:
            measured.chose(self.files(), chosen)
        shown = pl.Schema({name: schema[name] for name in asked.shown})
        yield pl.DataFrame(schema=shown)
        for opened in open_files(chosen.files, question, fragments):
            if measured is not None:
                measured.opened(opened, asked.columns.values())
            for batch in fragments.batches(opened.parts(), asked.columns):
                found = asked.answer(batch)
                yield found if found.schema == shown else found.cast(shown)


def _limited(frames: Iterator[pl.DataFrame], rows: int | None) -> Iterator[pl.DataFrame]:
    """The first `rows` rows; all where None."""
    for frame in frames:
        if rows is not None:
            frame = frame.head(rows)
            rows -= frame.height
        yield frame
        if rows == 0:
            return


def _field(path: Path) -> pl.Expr:
    expression = pl.col(path[0])
    for name in path[1:]:
        expression = expression.struct.field(name)
    return expression

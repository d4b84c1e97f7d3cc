"""`on_new_column: add`: the table gets columns for fields that the contract does not name.

A batch that has such fields is written again, with columns for them. What can have none stays in `_rescued`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Any, Final

import polars as pl
import pyarrow as pa

from config.column_types import Column
from config.names import RESCUED, RESERVED
from config.pipeline import Pipeline
from config.type_syntax import format_type
from pipelines.evolution import as_contract, output_schema, remembering, with_columns
from storage.errors import TableSchemaError
from storage.reading.rows import Rows
from storage.tables.delta import open_table
from storage.tables.schema.columns import columns_of
from storage.tables.schema.evolution import evolved, marks_of

MOST_RECORDS: Final = 10_000
"""Records with new fields that are looked at, the first of a batch."""
MOST_BYTES: Final = 32 * 2**20
"""Of their rescued text."""
MOST_ADDED: Final = 500
"""Columns that a table gets this way; what comes beyond stays in `_rescued`."""

_KEY: Final = r'"[\pL_@$][\w@$-]*":'
"""A key of JSON that could name a column; also one within a value, which does no harm here."""


class Growth:
    """The contract of a batch while it is written: as the table remembers it, and as new fields make it.

    Args:
        commits: Whether the table really gets the columns; else `grow` only tells whether it would.

    Attributes:
        pipeline: With every column that is known so far in its contract.
    """

    def __init__(self, pipeline: Pipeline, table: Any, *, commits: bool = True) -> None:
        self._commits = commits
        self._original = pipeline
        self._adds = pipeline.contract.on_new_column == "add"
        self._table = table
        self._declared = {one.name for one in pipeline.contract.columns}
        self.pipeline = remembering(pipeline, table)
        self._sample: list[bytes] = []
        self._schema: pa.Schema | None = None  # of the last typed file
        self._arrow_types: dict[str, set[pa.DataType]] = {}
        self._sampled_bytes = 0

    @property
    def marks(self) -> dict[str, str]:
        """The columns that the contract itself does not name, and their types."""
        return {one.name: format_type(one.type) for one in self._added()}

    def watch(self, frames: Generator[pl.DataFrame]) -> Generator[pl.DataFrame]:
        """The frames of a pass, from which a sample of rescued values is kept."""
        if not self._adds:
            return frames
        self._sample, self._sampled_bytes = [], 0
        return self._watched(frames)

    def note(self, items: Generator[Any]) -> Generator[Any]:
        """The items of a pass, of which the types of new fields are kept where files tell them."""
        with closing(items):
            for item in items:
                if self._adds and (schema := _schema_of(item)) is not None and schema != self._schema:
                    self._schema = schema
                    self._keep_types(schema)
                yield item

    def _keep_types(self, schema: pa.Schema) -> None:
        for field in schema:
            if field.name not in self._declared:
                self._arrow_types.setdefault(field.name, set()).add(field.type)

    def grow(self) -> bool:
        """Adds columns for new fields in the sample; whether the batch is to be written again, with them.

        Commits to the table, where there is one: safe to repeat, and to race with others who add the same.

        Raises:
            StorageError: The table cannot be read or changed.
        """
        before, added = self.pipeline, self._candidates()
        wider = with_columns(before, added)
        if wider is before:
            return False
        self.pipeline = wider
        if self._table is not None and self._commits:
            self._evolve()
        return self.pipeline.contract != before.contract

    def _evolve(self) -> None:
        """Where somebody else was faster to add one of the columns, its type is the one that holds."""
        uri = self._original.table.uri
        try:
            self._table = evolved(uri, self._table, output_schema(self.pipeline), marks=self.marks)
        except TableSchemaError:
            self._table = open_table(uri)
            self.pipeline = with_columns(self._original, self._as_theirs(self._added()))
            self._table = evolved(uri, self._table, output_schema(self.pipeline), marks=self.marks)

    def _added(self) -> list[Column]:
        return [one for one in self.pipeline.contract.columns if one.name not in self._declared]

    def _as_theirs(self, columns: Iterable[Column]) -> list[Column]:
        """`columns` in the types of the table where it has them, without those that no contract can name."""
        theirs = {one.name: one for one in as_contract(self._table)}
        there = {one.name.casefold() for one in columns_of(self._table)} if self._table is not None else ()
        return [
            theirs.get(one.name, one)
            for one in columns
            if one.name in theirs or one.name.casefold() not in there
        ]

    def _candidates(self) -> list[Column]:
        """Columns for the fields in the sample, in the table's types where it has them already."""
        from transforms.inference.new_columns import infer_new_columns  # few batches need it

        found = infer_new_columns(self._sample, self._arrow_types)
        taken = {one.name.casefold() for one in self.pipeline.contract.columns} | set(RESERVED)
        usable = self._as_theirs(one for one in found if one.name.casefold() not in taken)
        room = MOST_ADDED - len(marks_of(self._table).keys() | self.marks.keys())
        return usable[: max(0, room)]

    def _watched(self, frames: Generator[pl.DataFrame]) -> Generator[pl.DataFrame]:
        with closing(frames):
            for frame in frames:
                self._see(frame[RESCUED].drop_nulls())
                yield frame

    def _see(self, rescued: pl.Series) -> None:
        """Keeps the texts that may have a field which is no column yet."""
        if rescued.is_empty() or len(self._sample) >= MOST_RECORDS or self._sampled_bytes >= MOST_BYTES:
            return
        known = [f'"{one.name}":' for one in self.pipeline.contract.columns]
        keys = rescued.to_frame("text").select("text", keys=pl.col("text").str.extract_all(_KEY))
        new = keys.filter(pl.col("keys").list.set_difference(known).list.len() > 0)["text"]
        # row objects allowed: a bounded sample
        for text in new.head(MOST_RECORDS - len(self._sample)).to_list():
            if self._sampled_bytes < MOST_BYTES:
                self._sample.append(text.encode())
                self._sampled_bytes += len(text)


def _schema_of(item: Any) -> pa.Schema | None:
    """Of rows that have types of their own, out of a file or out of the quarantine."""
    if isinstance(item, Rows):
        return item.batch.schema
    form = getattr(item, "form", None)
    return form if isinstance(form, pa.Schema) else None

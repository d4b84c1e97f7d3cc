"""Decides what the commit of a batch is, file by file, and writes what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.layout.data_file import DataFile
from storage.layout.uploads import Uploads
from storage.tables.merging.contenders import Compared, contenders
from storage.tables.merging.keys import values_of
from storage.tables.merging.matches import verdict
from storage.tables.merging.rule import MergeCounts, MergeRule
from storage.tables.merging.scanning import FILE, PLACE, ROW, Source
from storage.tables.merging.survivors import Old, survivors
from storage.tables.merging.table_files import TableFiles
from storage.tables.replacing.replacement import ActiveFile, Partition, partition_of


@dataclass(frozen=True)
class Merge:
    """What a commit takes out and puts in; the new files among `adds` are written, and nobody's yet.

    Attributes:
        written: Paths of those of `adds` that are no staged files.
        reads: The partitions that it was decided by.
    """

    removes: Sequence[ActiveFile]
    adds: Sequence[DataFile]
    written: Sequence[str]
    reads: frozenset[Partition]
    counts: MergeCounts


def merged(uri: str, table: DeltaTable, staged: Sequence[DataFile], rule: MergeRule) -> Merge:
    """Holds the staged rows against those of `table`; memory is bounded by the rule.

    Reads the keys of the staged files, and of those files in their partitions whose bounds leave room for one
    of them; then the whole of the files that lose rows, staged or not. Leaves no file behind where it fails.

    Args:
        staged: In the order in which they were written.

    Raises:
        TableSchemaError: The columns of the key or the order are not in the table, or cannot be compared.
        StorageError: Reading or writing failed.
    """
    merger = _Merger(uri, table, table_columns(table), staged, rule)
    return merger.replaced() if rule.mode == "replace" else _uploaded(uri, merger)


def merged_alone(uri: str, schema: pl.Schema, staged: Sequence[DataFile], rule: MergeRule) -> Merge:
    """The same for a table without any rows.

    Args:
        schema: The columns that the table will have, as it stores them.
        staged: As of `merged`. With `replace` all of them stay.
    """
    merger = _Merger(uri, None, schema, staged, rule)
    return merger.replaced() if rule.mode == "replace" else _uploaded(uri, merger)


def _uploaded(uri: str, merger: _Merger) -> Merge:
    uploads = Uploads(uri)
    try:
        merge = merger.merged(uploads)
        uploads.keep()
    except BaseException:
        uploads.remove()
        raise
    return merge


class _Merger:
    def __init__(
        self,
        uri: str,
        table: DeltaTable | None,
        schema: pl.Schema,
        staged: Sequence[DataFile],
        rule: MergeRule,
    ) -> None:
        self._uri, self._staged, self._rule, self._schema = uri, staged, rule, schema
        touched = (*(dict(one.partition_values) for one in staged), *rule.clears)
        values = {_exactly(one): one for one in touched}
        self._partitions = {one: number for number, one in enumerate(values)}
        self._reads = frozenset(map(partition_of, values.values()))
        self._files = TableFiles(uri, table, list(values.values()))

    def replaced(self) -> Merge:
        """All rows of the partitions give way."""
        numbers = self._files.numbers() if self._staged or self._rule.clears else []
        rows = sum(one.rows for one in self._staged)
        counts = MergeCounts(inserted=rows, replaced=self._files.row_count() if numbers else 0)
        removes = [self._files.active(number) for number in numbers]
        return Merge(removes, self._staged, (), self._reads, counts)

    def merged(self, uploads: Uploads) -> Merge:
        """Row by row, by their keys."""
        counts, ours, theirs = MergeCounts(), [_NOWHERE], [_NOWHERE]
        for sources, shares in self._groups():
            for share in range(shares):
                some = self._compare(sources, (share, shares))
                counts, ours, theirs = counts + some[0], [*ours, *some[1]], [*theirs, some[2]]
        gone, replaced = _by_file(pl.concat(ours)), _by_file(pl.concat(theirs))
        rewritten = survivors(self._uri, uploads, self._olds(gone, replaced), self._schema, self._rule)
        written = list(rewritten)
        kept = [one for number, one in enumerate(self._staged) if number not in gone]
        removes = [self._files.active(number) for number in replaced]
        paths = [one.path for one in written]
        return Merge(removes, [*kept, *written], paths, self._reads, counts)

    def _groups(self) -> Iterator[tuple[list[Source], int]]:
        """Staged files whose keys are compared together, and in how many shares: as memory allows."""
        group: list[Source] = []
        rows, limit = 0, self._rule.rows_at_once
        by_part: dict[int, list[int]] = {}
        for number, one in enumerate(self._staged):
            part = self._partitions[_exactly(one.partition_values)]
            by_part.setdefault(part, []).append(number)
        for part, numbers in by_part.items():
            more = sum(self._staged[number].rows for number in numbers)
            if group and rows + more > limit:
                yield group, -(-rows // limit)
                group, rows = [], 0
            group += [Source(number, part, self._staged[number].path) for number in numbers]
            rows += more
        if group:
            yield group, max(1, -(-rows // limit))

    def _compare(
        self, sources: list[Source], share: tuple[int, int]
    ) -> tuple[MergeCounts, list[pl.DataFrame], pl.DataFrame]:
        """The counts, the places of staged rows that go, and of rows of the table that do."""
        rule = self._rule
        compared = Compared(
            values_of(self._schema, rule.keys_in_files, "key"),
            values_of(self._schema, rule.orders_in_files, "order_by") if rule.mode == "upsert" else (),
        )
        rows, superseded = contenders(self._uri, sources, compared, rule, share)
        files = self._files.that_may_hold(rows, compared)
        found = verdict(self._uri, files, rows, compared, rule)
        counts = found.counts + MergeCounts(superseded=superseded.height)
        return counts, [superseded, found.staged], found.table

    def _olds(self, gone: dict[int, pl.Series], replaced: dict[int, pl.Series]) -> Iterator[Old]:
        for number, rows in gone.items():
            one = self._staged[number]
            if len(rows) < one.rows:
                yield Old(one.path, one.size, one.rows, one.partition_values, rows)
        for number, rows in replaced.items():
            active, count = self._files.active(number), self._files.counted(number)
            if len(rows) < count:
                path = self._files.path(number)
                yield Old(path, active.size, count, active.partition_values, rows)


def _exactly(values: Mapping[str, str | None]) -> tuple[tuple[str, str | None], ...]:
    """What tells a partition from all others."""
    return tuple(sorted(values.items()))


_NOWHERE = pl.DataFrame(schema={FILE: pl.Int32, ROW: pl.UInt32})


def _by_file(places: pl.DataFrame) -> dict[int, pl.Series]:
    """The rows of each file; `_NOWHERE` has none."""
    files = places.select(PLACE).sort(PLACE).partition_by(FILE, as_dict=True)
    return {int(file): rows[ROW] for (file,), rows in files.items()}


def table_columns(table: DeltaTable) -> pl.Schema:
    """The columns of a table, in its order and types."""
    return pl.DataFrame(pa.schema(table.schema().to_arrow()).empty_table()).schema

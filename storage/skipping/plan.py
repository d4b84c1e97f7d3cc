"""From all files of a table to the row groups that may hold matches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import polars as pl

from storage.skipping.fragments import Fragments
from storage.skipping.log_statistics import log_statistics
from storage.skipping.may_match import may_match
from storage.skipping.predicate import UNKNOWN, Path, Predicate, operands, type_at
from storage.skipping.row_groups import row_group_statistics
from storage.tables.log.ordered_map import ordered_map

_AT_ONCE: Final = 16
"""Files whose footers are judged, and whose rows are read, together."""
_RUN_BYTES: Final = 2**26
"""Of neighbouring row groups that are read together, unpacked: many small ones take few requests."""


@dataclass(frozen=True, slots=True)
class Question:
    """A condition, and the leaves of the table that it is about, as far as statistics can judge it."""

    predicate: Predicate
    schema: pl.Schema
    leaves: dict[Path, pl.DataType] = field(default_factory=dict)

    @classmethod
    def of(cls, predicate: Predicate, schema: pl.Schema) -> Question:
        """The question that `predicate` is about rows of `schema`."""
        leaves = {one.path: type_at(schema, one.path) for one in operands(predicate)}
        return cls(predicate, schema, leaves)

    @property
    def is_open(self) -> bool:
        """Whether statistics can tell nothing."""
        return self.predicate == UNKNOWN or not self.leaves

    def numbers(self) -> dict[Path, int]:
        """The number of each leaf in frames of statistics."""
        return {path: number for number, path in enumerate(self.leaves)}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files that may hold matches by the log: rows of what `files_of` gave; and those that do not."""

    files: pl.DataFrame
    by_partition: pl.DataFrame
    by_statistics: pl.DataFrame


def choose_files(files: pl.DataFrame, question: Question) -> Chosen:
    """Sorts `files` by what the log says of them; reads none."""
    if question.is_open:
        return Chosen(files, files.clear(), files.clear())
    within = _judge(files, question, partitions_only=True)
    kept = files.filter(within)
    may = _judge(kept, question, partitions_only=False)
    return Chosen(kept.filter(may), files.filter(~within), kept.filter(~may))


def _judge(files: pl.DataFrame, question: Question, *, partitions_only: bool) -> pl.Series:
    known = log_statistics(files, list(question.leaves), question.schema, partitions_only=partitions_only)
    return may_match(known, question.predicate, question.numbers())


@dataclass(frozen=True, slots=True)
class Opened:
    """Some files after their footers were read.

    Attributes:
        fragments: The files.
        groups: For each, which of its row groups may hold matches, ascending.
    """

    fragments: Sequence[Any]
    groups: Sequence[Sequence[int]]

    def parts(self) -> list[Any]:
        """What is to be read, as fragments of these row groups; several of a large file.

        pyarrow holds all bytes that it needs of a fragment.
        """
        return [
            fragment.subset(row_group_ids=run)
            for fragment, chosen in zip(self.fragments, self.groups, strict=True)
            for run in _runs(fragment.metadata, chosen)
        ]


def _runs(footer: Any, groups: Sequence[int]) -> list[list[int]]:
    """`groups` in their order, cut so that each run is no larger than it may be, or one row group."""
    runs: list[list[int]] = []
    size = 0
    for number in groups:
        size += footer.row_group(number).total_byte_size
        if not runs or size > _RUN_BYTES:
            runs.append([])
            size = footer.row_group(number).total_byte_size
        runs[-1].append(number)
    return runs


def open_files(files: pl.DataFrame, question: Question, fragments: Fragments) -> Iterator[Opened]:
    """Reads the footers of `files`, some of them at the same time, and judges their row groups by them.

    Lazy: no more than 32 footers are in memory. Each is read once: fragments keep theirs.
    """
    made = ordered_map(fragments.with_footer, _one_by_one(files, fragments))
    first = 0
    while opened := list(islice(made, _AT_ONCE)):
        yield Opened(opened, _groups(opened, question, files[first : first + len(opened)]))
        first += len(opened)


def _one_by_one(files: pl.DataFrame, fragments: Fragments) -> Iterator[Any]:
    for part in files.iter_slices(1024):
        yield from fragments.of(part)


def _groups(opened: Sequence[Any], question: Question, files: pl.DataFrame) -> list[list[int]]:
    if question.is_open:
        return [list(range(one.metadata.num_row_groups)) for one in opened]
    told = log_statistics(files, list(question.leaves), question.schema, partitions_only=True)
    known = row_group_statistics(opened, question.leaves, told.with_columns(files["ours"]))
    kept = known.filter(may_match(known, question.predicate, question.numbers()))
    chosen: list[list[int]] = [[] for _ in opened]
    for file, group in zip(kept["fragment"], kept["group"], strict=True):
        chosen[file].append(group)
    return chosen

"""Upsert, insert_new and replace do what a dict does, over any batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.tables.merging.rule import MergeCounts, Mode
from tests.storage.merging.merges import SMALL, a_rule, active_paths, rows, stored_paths, take_in

SCHEMA = pl.Schema({"part": pl.String, "id": pl.Int64, "at": pl.Int64, "value": pl.Int64})
PARTS = ["a", "b/ü%2F", "c d"]

Row = tuple[str, int, int | None, int]
Key = tuple[str, int]


@dataclass
class Model:
    """A table as a dict; replaced rows are those of the versions before."""

    mode: Mode
    ordered: bool
    table: dict[Key, list[Row]] = field(default_factory=dict)

    def take_in(self, batch: list[Row]) -> MergeCounts:
        """What becomes of the rows."""
        if self.mode == "replace":
            return self._replace(batch)
        chosen: dict[Key, Row] = {}
        for row in batch:
            key = row[:2]
            if key not in chosen or (self.mode == "upsert" and not self._beats(chosen[key], row)):
                chosen[key] = row
        fates = [self._settle(key, row) for key, row in chosen.items()]
        replaced = fates.count("updated")
        return MergeCounts(
            **{fate: fates.count(fate) for fate in set(fates)},
            superseded=len(batch) - len(chosen),
            replaced=replaced,
        )

    def _settle(self, key: Key, row: Row) -> str:
        there = self.table.get(key)
        if there and self.mode == "insert_new":
            return "existing"
        if there and self._beats(there[0], row):
            return "older"
        self.table[key] = [row]
        return "updated" if there else "inserted"

    def _beats(self, one: Row, other: Row) -> bool:
        """Whether `one` is newer; null is the oldest."""
        return self.ordered and (-1 if one[2] is None else one[2]) > (-1 if other[2] is None else other[2])

    def _replace(self, batch: list[Row]) -> MergeCounts:
        parts = {row[0] for row in batch}
        before = self.rows()
        self.table = {key: some for key, some in self.table.items() if key[0] not in parts}
        replaced = len(before) - len(self.rows())
        for row in batch:
            self.table.setdefault(row[:2], []).append(row)
        return MergeCounts(inserted=len(batch), replaced=replaced)

    def rows(self) -> list[Row]:
        """All of them, in an order of no meaning."""
        return sorted((row for some in self.table.values() for row in some), key=str)


def numbered(batches: list[list[tuple[str, int, int | None]]]) -> list[list[Row]]:
    """Each row with a value of its own, descending, so that an order by it is not that of arrival."""
    count = sum(map(len, batches))
    values = iter(range(count, 0, -1))
    return [[(*row, next(values)) for row in batch] for batch in batches]


ROWS = st.tuples(st.sampled_from(PARTS), st.integers(0, 6), st.none() | st.integers(0, 3))
BATCHES = st.lists(st.lists(ROWS, max_size=25), min_size=1, max_size=5).map(numbered)
OPTIONS = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["upsert", "upsert", "insert_new", "replace"]),
        "order_by": st.sampled_from([(), ("at",)]),
        "sort_by": st.sampled_from([(), ("value",), ("at", "value")]),
        "memory_bytes": st.sampled_from([128 * 3, 2**28]),
    }
)


@settings(max_examples=40)
@given(BATCHES, OPTIONS)
def test_commit_of_any_batches_gives_the_table_and_the_counts_of_a_dict(
    batches: list[list[Row]], options: Mapping[str, Any]
) -> None:
    rule = a_rule(key=("part", "id"), partition_by=("part",), **options)
    model = Model(rule.mode, ordered=bool(rule.order_by) and rule.mode == "upsert")
    with TemporaryDirectory() as folder:
        uri = str(Path(folder, "table"))
        for number, batch in enumerate(batches, 1):
            frames = [pl.DataFrame(batch[at : at + 10], SCHEMA, orient="row") for at in range(0, 25, 10)]
            done = take_in(uri, rule, number, *frames, buffer_bytes=SMALL)

            assert done.counts == model.take_in(batch)
            assert sorted(rows(uri).select(SCHEMA.names()).rows(), key=str) == model.rows()
            unused = stored_paths(uri) - active_paths(uri)
            assert not [name for name in unused if "aside" in name]

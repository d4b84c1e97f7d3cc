"""Landed, run, replayed, compacted and undone in whatever order: the tables are as a model says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipeline import Pipeline
from pipelines.errors import UndoError
from pipelines.reports.rejected import rejected
from pipelines.undo import undo
from storage.tables.delta import open_table
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, ids, land, run_and_prove
from tests.pipelines.undoing import replay_and_prove, undo_and_prove


@dataclass(frozen=True)
class Record:
    """A good one, one that only the loose contract takes, or a bad one."""

    id: int
    kind: str

    def line(self) -> bytes:
        """As it lies in its file."""
        forms = {"good": b'{"id": %d}', "misfit": b'{"id": %d, "n": "x"}', "bad": b"bad %d"}
        return forms[self.kind] % self.id

    def fits(self, loose: bool) -> bool:
        """Whether the contract takes it."""
        return self.kind == "good" or (self.kind == "misfit" and loose)


@dataclass
class Batch:
    """What a batch took in, refused, and whose work it was; `undoes` another, or is not undone itself."""

    taken: frozenset[Record]
    refused: frozenset[Record] = frozenset()
    file: int | None = None
    replays: int | None = None
    undoes: int | None = None


@dataclass
class Model:
    """The landing zone and the batches, by their numbers."""

    files: list[frozenset[Record]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def in_force(self) -> dict[int, Batch]:
        """The batches that took something in and are not undone."""
        undone = {one.undoes for one in self.batches}
        return {n: one for n, one in enumerate(self.batches, 1) if n not in undone and one.undoes is None}

    def run(self, loose: bool) -> None:
        """Takes each file in that no batch in force holds."""
        held = {one.file for one in self.in_force().values()}
        for file, records in enumerate(self.files):
            if file not in held:
                taken = frozenset(one for one in records if one.fits(loose))
                self.batches.append(Batch(taken, records - taken, file=file))

    def open_of(self, number: int) -> frozenset[Record]:
        """What a batch refused and no replay in force took in."""
        replays = [one.taken for one in self.in_force().values() if one.replays == number]
        return self.in_force()[number].refused.difference(*replays)

    def replay(self, loose: bool) -> None:
        """Takes in what fits, one batch for each that has something open."""
        for number in list(self.in_force()):
            if waiting := self.open_of(number):
                taken = frozenset(one for one in waiting if one.fits(loose))
                self.batches.append(Batch(taken, replays=number))

    def may_undo(self, number: int) -> bool:
        """Whether there is such a batch, and no record of it was replayed."""
        replayed = any(one.replays == number and one.taken for one in self.in_force().values())
        return number in self.in_force() and not replayed

    def was_undone(self, number: int) -> bool:
        """Whether another batch undid it."""
        return any(one.undoes == number for one in self.batches)

    def undo(self, number: int) -> None:
        """The next batch undoes it."""
        self.batches.append(Batch(frozenset(), undoes=number))

    def rows(self) -> list[int]:
        """What the table holds."""
        return sorted(record.id for one in self.in_force().values() for record in one.taken)

    def open(self) -> list[bytes]:
        """What is open in the quarantine."""
        return sorted(one.line() for number in self.in_force() for one in self.open_of(number))


KINDS = st.lists(st.sampled_from(["good", "misfit", "bad"]), min_size=1, max_size=4)
STEPS = st.one_of(
    st.tuples(st.just("land"), KINDS),
    st.tuples(st.just("run"), st.booleans()),
    st.tuples(st.just("replay"), st.booleans()),
    st.tuples(st.just("undo"), st.integers(1, 12)),
    st.tuples(st.just("undo newest"), st.integers(0, 3)),
    st.tuples(st.just("compact"), st.none()),
)


def pipeline_of(store: Store, loose: bool) -> Pipeline:
    return a_pipeline(
        store,
        {"id": "int64!", "n": "int32"},
        source={"max_files_per_batch": 1},
        contract={"on_mismatch": "rescue" if loose else "quarantine"},
    )


@pytest.mark.long
@settings(max_examples=5, deadline=None)
@given(kinds=st.lists(KINDS, min_size=2, max_size=3), steps=st.lists(STEPS, min_size=3, max_size=9))
def test_undo_in_any_sequence_leaves_what_the_model_says(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[list[str]], steps: list[tuple[str, Any]]
) -> None:
    store, model = Store(str(tmp_path_factory.mktemp("undo"))), Model()
    for step, value in [*(("land", one) for one in kinds), ("run", False), *steps, ("run", True)]:
        take_step(store, model, step, value)

        assert ids(pipeline_of(store, True)) == model.rows() if model.batches else True
        frames = list(rejected(pipeline_of(store, True)))
        assert sorted(raw for one in frames for raw in one["raw"]) == model.open()


def take_step(store: Store, model: Model, step: str, value: Any) -> None:
    pipeline = pipeline_of(store, value is True)
    match step:
        case "land":
            number = len(model.files)
            records = [Record(100 * number + at, kind) for at, kind in enumerate(value)]
            land(store, f"{number:03}.ndjson", *(one.line() for one in records))
            model.files.append(frozenset(records))
        case "run":
            model.run(value)
            run_and_prove(pipeline)
        case "replay":
            model.replay(value)
            replay_and_prove(pipeline)
        case "compact" if model.batches:
            DeltaTable(pipeline.table.uri).optimize.compact()
        case "undo" | "undo newest":
            try_undo(pipeline, model, value if step == "undo" else len(model.batches) - value)
    table = open_table(pipeline.table.uri)
    assert table is None or table.transaction_version("events") == len(model.batches)


def try_undo(pipeline: Pipeline, model: Model, number: int) -> None:
    if model.was_undone(number):
        assert undo_and_prove(pipeline, number).done_before
    elif model.may_undo(number):
        taken = len(model.batches[number - 1].taken)
        model.undo(number)
        assert undo_and_prove(pipeline, number).rows_removed == taken
    else:
        with pytest.raises(UndoError):
            undo(pipeline, number, SETTINGS)

"""Landed, run, replayed, compacted, undone and rebuilt in whatever order: what is there is as it must be."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipeline import Pipeline
from pipelines.backfill.rebuild import rebuild
from pipelines.errors import BackfillError, UndoError
from pipelines.replay import replay
from pipelines.reports.rejected import rejected
from pipelines.reports.status import status
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import IrreversibleError
from storage.tables.delta import open_table
from tests.conftest import Store
from tests.pipelines.backfill.rebuilding import fresh, hash_of, rebuild_and_prove
from tests.pipelines.merging import COLUMNS, record
from tests.pipelines.taking_in import SETTINGS, a_pipeline, ids, land, proof_of
from tests.pipelines.undo.test_undo_sequences import KINDS, Record, pipeline_of

RECORDS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.integers(0, 4), st.integers(0, 3)), min_size=0, max_size=6
)
MODES: dict[str, dict[str, Any]] = {
    "append": {},
    "append by key": {"key": ["part", "id"]},
    "upsert": {"mode": "upsert", "key": ["part", "id"], "order_by": ["at"]},
    "upsert by arrival": {"mode": "upsert", "key": ["part", "id"], "sort_by": ["value"]},
    "insert_new": {"mode": "insert_new", "key": ["part", "id"], "sort_by": ["value"]},
    "replace": {"mode": "replace"},
}


def moded(store: Store, mode: str, partitioned: bool, files: int) -> Pipeline:
    by = {"partition_by": ["part"]} if partitioned else {}
    options = {**COLUMNS, "part": "string!", "id": "int64!"} if "key" in MODES[mode] else COLUMNS
    source = {"max_files_per_batch": files}
    contract = {"on_new_column": "ignore"}
    return a_pipeline(store, options, source=source, contract=contract, table={**by, **MODES[mode]})


@pytest.mark.parametrize("mode", ["append by key", "upsert by arrival", "replace"])
def test_rebuild_of_batches_gives_what_they_gave(tmp_path_factory: pytest.TempPathFactory, mode: str) -> None:
    """Keys come again within a batch and in later ones, newer and older; one file has bad records alone."""
    first = [("x", 1, 2), ("x", 2, 1), ("y", 1, 3), ("x", 1, 2)]
    second = [("x", 1, 1), ("z", 3, 0), ("y", 1, 3), ("z", 3, 1)]
    batches: list[list[tuple[str, int, int]]] = [first, second, [], [("y", 1, 0), ("x", 4, 1)], first]
    assert_rebuilds(tmp_path_factory, mode, batches, partitioned=True, files=2, compacts=True)


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25)
@given(
    batches=st.lists(RECORDS, min_size=2, max_size=6),
    partitioned=st.booleans(),
    files=st.integers(1, 3),
    compacts=st.booleans(),
)
def test_rebuild_of_many_random_batches_gives_what_they_gave(
    tmp_path_factory: pytest.TempPathFactory,
    mode: str,
    batches: list[list[tuple[str, int, int]]],
    partitioned: bool,
    files: int,
    compacts: bool,
) -> None:
    assert_rebuilds(tmp_path_factory, mode, batches, partitioned, files, compacts)


def assert_rebuilds(
    tmp_path_factory: pytest.TempPathFactory,
    mode: str,
    batches: list[list[tuple[str, int, int]]],
    partitioned: bool,
    files: int,
    compacts: bool,
) -> None:
    store = Store(str(tmp_path_factory.mktemp("rebuild")))
    for number, records in enumerate(batches):
        values = (record(part, key, at, f"{number}.{row}") for row, (part, key, at) in enumerate(records))
        land(store, f"{number:02}.ndjson", *values, b"bad")
    pipeline = moded(store, mode, partitioned, files)
    run(pipeline, SETTINGS, max_batches=2)
    if compacts:
        DeltaTable(pipeline.table.uri).optimize.compact()
    run(pipeline, SETTINGS)
    before = hash_of(pipeline)

    rebuild_and_prove(pipeline)

    assert hash_of(pipeline) == before
    assert hash_of(fresh(pipeline)) == before
    land(store, "99.ndjson", record("x", 1, 2, "late"), record("w", 1, 1, "late"))
    run(pipeline, SETTINGS)
    rebuild_and_prove(pipeline)
    assert hash_of(pipeline) == hash_of(after_all(store, pipeline))


def after_all(store: Store, pipeline: Pipeline) -> Pipeline:
    """Another table of the same batches."""
    table = pipeline.table.model_copy(update={"uri": store.at("lake/all")})
    other = pipeline.model_copy(update={"table": table})
    hidden = store.at("landing/99.ndjson")
    with open(hidden, "rb") as file:  # noqa: PTH123 - as a text
        last = file.read()
    store.remove("landing/99.ndjson")
    run(other, SETTINGS)
    store.put("landing/99.ndjson", last)
    run(other, SETTINGS)
    return other


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("land"), KINDS),
        st.tuples(st.just("run"), st.booleans()),
        st.tuples(st.just("replay"), st.booleans()),
        st.tuples(st.just("undo"), st.integers(1, 6)),
        st.tuples(st.just("compact"), st.none()),
        st.tuples(st.just("rebuild"), st.booleans()),
        st.tuples(st.just("rebuild"), st.booleans()),
    ),
    min_size=3,
    max_size=8,
)


def test_rebuild_between_undos_and_replays_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    steps: list[tuple[str, Any]] = [
        *(("replay", True), ("undo", 2), ("rebuild", False), ("land", ["good", "misfit"])),
        *(("run", False), ("compact", None), ("undo", 6), ("rebuild", True), ("undo", 1)),
    ]
    assert_sequence(tmp_path_factory, [["good", "misfit", "bad"], ["misfit", "good"], ["bad"]], steps)


@pytest.mark.long
@settings(max_examples=60)
@given(kinds=st.lists(KINDS, min_size=2, max_size=3), steps=STEPS)
def test_rebuild_in_many_sequences_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[list[str]], steps: list[tuple[str, Any]]
) -> None:
    assert_sequence(tmp_path_factory, kinds, steps)


def assert_sequence(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[list[str]], steps: list[tuple[str, Any]]
) -> None:
    """After a last run and a last rebuild the table has what the contract of then makes of all files."""
    store = Store(str(tmp_path_factory.mktemp("sequence")))
    landed: list[list[Record]] = []
    for step, value in [*(("land", one) for one in kinds), ("run", False), *steps, ("run", True)]:
        take_step(store, landed, step, value)
    loose = pipeline_of(store, True)
    assert proof_of(loose).violations == ()
    every = sorted(one.id for file in landed for one in file)
    taken_or_open = [*ids(loose), *(number_in(raw) for one in rejected(loose) for raw in one["raw"])]
    assert sorted(taken_or_open) == every

    rebuild_and_prove(loose)

    assert ids(loose) == sorted(one.id for file in landed for one in file if one.kind != "bad")
    assert status(loose).waiting.files == 0


def number_in(raw: bytes) -> int:
    """The id of a record, good or bad."""
    return int(bytes(byte for byte in raw.split(b",")[0] if chr(byte).isdigit()))


def take_step(store: Store, landed: list[list[Record]], step: str, value: Any) -> None:
    pipeline = pipeline_of(store, value is True)
    match step:
        case "land":
            records = [Record(100 * len(landed) + at, kind) for at, kind in enumerate(value)]
            land(store, f"{len(landed):03}.ndjson", *(one.line() for one in records))
            landed.append(records)
        case "run":
            run(pipeline, SETTINGS)
        case "replay":
            replay(pipeline, SETTINGS)
        case "compact":
            DeltaTable(pipeline.table.uri).optimize.compact()
        case "rebuild":
            try:
                rebuild(pipeline, SETTINGS)
            except BackfillError as error:
                assert "nothing to rebuild" in str(error)
        case "undo":
            try:
                undo(pipeline, value, SETTINGS)
            except (UndoError, IrreversibleError) as error:
                assert "undone" in str(error) or "taken in since" in str(error) or "no such" in str(error)
    assert proof_of(pipeline).violations == ()
    assert open_table(pipeline.table.uri) is not None or step == "land"

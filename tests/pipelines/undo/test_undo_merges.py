"""What may be undone of batches that merge leaves the table as if they had never been."""

from __future__ import annotations

from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipeline import Pipeline
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import IrreversibleError
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, land, proof_of, table

Row = tuple[int, int]
MODES: dict[str, dict[str, Any]] = {
    "upsert": {"mode": "upsert", "key": ["id"]},
    "ordered": {"mode": "upsert", "key": ["id"], "order_by": ["n"]},
    "insert_new": {"mode": "insert_new", "key": ["id"]},
    "replace": {"mode": "replace", "partition_by": ["n"]},
}
BATCHES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=3)
STEPS = st.one_of(
    st.tuples(st.just("batch"), BATCHES),
    st.tuples(st.just("undo"), st.integers(0, 3)),  # so many before the newest
    st.tuples(st.just("compact"), st.none()),
)


def pipeline_of(store: Store, mode: str) -> Pipeline:
    return a_pipeline(store, {"id": "int64!", "n": "int64"}, table=MODES[mode])


def merged(mode: str, batches: list[list[Row]]) -> list[Row]:
    """The table after `batches`, from nothing."""
    if mode == "replace":
        partitions: dict[int, list[Row]] = {}
        for rows in batches:
            partitions |= {n: [row for row in rows if row[1] == n] for _, n in rows}
        return sorted(row for rows in partitions.values() for row in rows)
    held: dict[int, int] = {}
    for key, n in (row for rows in batches for row in rows):
        if mode == "upsert" or key not in held or (mode == "ordered" and n >= held[key]):
            held[key] = n
    return sorted(held.items())


@pytest.mark.parametrize(
    "mode",
    ["ordered", *(pytest.param(one, marks=pytest.mark.long) for one in MODES if one != "ordered")],
)
@settings(max_examples=4, deadline=None)
@given(first=BATCHES, second=BATCHES, steps=st.lists(STEPS, min_size=2, max_size=7))
def test_undo_of_merges_leaves_what_the_other_batches_make(
    tmp_path_factory: pytest.TempPathFactory,
    mode: str,
    first: list[Row],
    second: list[Row],
    steps: list[tuple[str, Any]],
) -> None:
    store = Store(str(tmp_path_factory.mktemp("merges")))
    pipeline, batches, count = pipeline_of(store, mode), dict[int, list[Row]](), 0
    for step, value in [("batch", first), ("batch", second), *steps]:
        match step:
            case "batch":
                count += 1
                batches[count] = value
                land(store, f"{count}.ndjson", *(b'{"id": %d, "n": %d}' % row for row in value))
                run(pipeline, SETTINGS)
            case "compact":
                DeltaTable(pipeline.table.uri).optimize.compact()
            case "undo" if count - value in batches and undone(pipeline, count - value):
                store.remove(f"landing/{count - value}.ndjson")
                del batches[count - value]
                count += 1
        assert sorted(table(pipeline).select("id", "n").rows()) == merged(mode, list(batches.values()))
        assert proof_of(pipeline).violations == ()


def undone(pipeline: Pipeline, number: int) -> bool:
    """Whether the batch is undone now; False where that was refused."""
    try:
        undo(pipeline, number, SETTINGS)
    except IrreversibleError:
        return False
    return True

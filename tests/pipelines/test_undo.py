"""An undone batch leaves no row and no open record behind, and its files can be taken in again, once."""

from __future__ import annotations

from typing import Any

import pytest

from config.pipeline import Pipeline
from pipelines.undo import UndoSummary, undo
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    events,
    ids,
    land,
    proof_of,
    raws,
    run_and_prove,
)


def undo_and_prove(pipeline: Pipeline, batch: int) -> UndoSummary:
    """Undoes a batch; the proof holds."""
    done = undo(pipeline, batch, SETTINGS)
    assert proof_of(pipeline).violations == ()
    return done


def one_file_a_batch(store: Store, **options: Any) -> Pipeline:
    return a_pipeline(store, source={"max_files_per_batch": 1}, **options)


def land_three(store: Store) -> None:
    """Three files of ten good records and a bad one each: ids 0 to 29."""
    for number in range(3):
        first = 10 * number
        land(store, f"{number}.ndjson", *events(first, first + 10), b"bad %d" % number)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_undo_takes_out_the_batch_and_run_takes_it_in_again(store: Store, batch: int) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run_and_prove(pipeline)

    done = undo_and_prove(pipeline, batch)

    gone = set(range(10 * batch - 10, 10 * batch))
    assert (done.batch, done.undoes, done.files, done.rows_removed) == (4, batch, 1, 10)
    assert ids(pipeline) == sorted(set(range(30)) - gone)
    assert sorted(raws(pipeline)) == sorted({b"bad 0", b"bad 1", b"bad 2"} - {b"bad %d" % (batch - 1)})
    (again,) = run_and_prove(pipeline).batches
    assert (again.batch, again.rows_written, again.rows_quarantined) == (5, 10, 1)
    assert ids(pipeline) == list(range(30))
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2"]

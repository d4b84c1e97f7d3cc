"""Undos and replays in tests, each with its proof."""

from __future__ import annotations

from typing import Any

from config.pipeline import Pipeline
from pipelines.replay import ReplaySummary, replay
from pipelines.undo import UndoSummary, undo
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land, proof_of


def undo_and_prove(pipeline: Pipeline, batch: int) -> UndoSummary:
    """Undoes a batch; the proof holds."""
    done = undo(pipeline, batch, SETTINGS)
    assert proof_of(pipeline).violations == ()
    return done


def replay_and_prove(pipeline: Pipeline) -> ReplaySummary:
    """Replays; the proof holds."""
    summary = replay(pipeline, SETTINGS)
    assert proof_of(pipeline).violations == ()
    return summary


def one_file_a_batch(store: Store, **options: Any) -> Pipeline:
    """Each file is a batch of its own."""
    return a_pipeline(store, source={"max_files_per_batch": 1}, **options)


def land_three(store: Store) -> None:
    """Three files of ten good records and a bad one each: ids 0 to 29."""
    for number in range(3):
        first = 10 * number
        land(store, f"{number}.ndjson", *events(first, first + 10), b"bad %d" % number)

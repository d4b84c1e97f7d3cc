"""The metrics are what status, history and proof tell, whatever happened."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from config.pipeline import Pipeline
from pipelines.backfill.backfill import backfill
from pipelines.backfill.request import BackfillRequest
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.errors import UndoError
from pipelines.replay import replay
from pipelines.run import run
from pipelines.undo import undo
from tests.conftest import Store
from tests.pipelines.dying_run import POINTS
from tests.pipelines.merging import land_three_overlapping, merging_pipeline
from tests.pipelines.scraping import agreeing, by_label, counters, scraped, watch_of
from tests.pipelines.taking_in import SETTINGS, a_pipeline, event, events, full_pipeline, land
from tests.pipelines.taking_in import land_every_fate as land_all_fates
from tests.processes import killed

BAD = (b"no json", b"[]", b'{"id": "x"}', b'{"id": 1.5}', b"\xff")


def test_metrics_of_every_fate_agree(store: Store, tmp_path: Path) -> None:
    pipeline, watch = full_pipeline(store), watch_of(tmp_path / "specs", full_pipeline(store))
    land_all_fates(store)

    before = agreeing(watch, pipeline)
    batches = run(pipeline, SETTINGS).batches
    samples = agreeing(watch, pipeline)

    assert before["penstock_waiting_files",] == 4
    assert samples["penstock_waiting_files",] == samples["penstock_lag_seconds",] == 0
    assert samples["penstock_read_bytes_total",] == sum(one.bytes_read for one in batches)
    reasons = by_label(samples, "penstock_records_quarantined_total")
    assert reasons == sum((Counter(one.quarantined_by_reason) for one in batches), Counter())
    seconds = by_label(samples, "penstock_batch_seconds_total")
    for stage in ("plan", "write", "commit"):
        assert seconds[stage] <= sum(one.seconds_by_stage[stage] for one in batches) + 0.01
    assert seconds["write"] > 0


@pytest.mark.parametrize("seed", range(3))
def test_metrics_after_random_batches_replays_and_undos_agree_and_never_fall(
    local: Store, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    strict = a_pipeline(local, {"id": "int64!"}, source={"max_files_per_batch": 2})
    loose = a_pipeline(local, {"id": "json"}, source={"max_files_per_batch": 2})
    watch = watch_of(tmp_path / "specs", strict)
    land(local, "first.ndjson", *events(0, 3), b"[]")
    before = counters(agreeing(watch, strict))
    for step in range(1, 9):
        match draw.choice(["land", "land", "run", "run", "replay", "undo"]):
            case "land":
                good = events(100 * step, 100 * step + draw.randrange(5))
                land(local, f"{step}.ndjson", *good, *draw.choices(BAD, k=draw.randrange(3)))
            case "run":
                run(strict, SETTINGS, max_batches=draw.choice([None, 1]))
            case "replay":
                replay(draw.choice([strict, loose]), SETTINGS)
            case _:
                undo_one(strict, draw.randrange(1, 5))
        now = counters(agreeing(watch, strict))
        assert all(now.get(key, -1) >= value for key, value in before.items())
        before = now
    run(strict, SETTINGS)

    samples = agreeing(watch, strict)

    assert counters(agreeing(watch_of(tmp_path / "specs"), strict)) == counters(samples)


def undo_one(pipeline: Pipeline, batch: int) -> None:
    """Undoes a batch, unless there is none, or it cannot be undone now."""
    try:
        undo(pipeline, batch, SETTINGS)
    except UndoError:
        return


@pytest.mark.parametrize("point", POINTS[-2:])
def test_metrics_after_a_kill_count_each_batch_once(local: Store, tmp_path: Path, point: str) -> None:
    pipeline = a_pipeline(local, source={"max_files_per_batch": 1})
    watch = watch_of(tmp_path / "specs", pipeline)
    for number in range(2):
        land(local, f"{number}.ndjson", event(number), b"bad")

    killed("pipelines.dying_run", pipeline.model_dump_json(by_alias=True), point, "1")
    between = agreeing(watch, pipeline)
    run(pipeline, SETTINGS)
    samples = agreeing(watch, pipeline)

    assert between["penstock_batches_total",] == (1 if point == POINTS[-1] else 0)
    assert between["penstock_planned_files",] == (0 if point == POINTS[-1] else 1)
    assert samples["penstock_batches_total",] == 2
    assert samples["penstock_records_read_total",] == 4
    assert by_label(samples, "penstock_records_quarantined_total") == {"malformed_json": 2}


def test_metrics_of_merges_agree(local: Store, tmp_path: Path) -> None:
    pipeline = merging_pipeline(local, "upsert")
    watch = watch_of(tmp_path / "specs", pipeline)
    land_three_overlapping(local)

    batches = run(pipeline, SETTINGS).batches
    samples = agreeing(watch, pipeline)
    undo(pipeline, 3, SETTINGS)

    assert samples["penstock_rows_duplicate_total",] == sum(one.rows_duplicate for one in batches) > 0
    assert agreeing(watch, pipeline)["penstock_undos_total",] == 1


def test_metrics_of_a_rebuild_count_what_it_reads_again(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local, source={"max_files_per_batch": 1})
    watch = watch_of(tmp_path / "specs", pipeline)
    for number in range(2):
        land(local, f"{number}.ndjson", event(number), b"bad")
    run(pipeline, SETTINGS)

    summary = backfill(pipeline, BackfillRequest(rebuild=True), SETTINGS)
    samples = agreeing(watch, pipeline)

    assert samples["penstock_batches_total",] == 3
    assert samples["penstock_records_read_total",] == 8
    assert by_label(samples, "penstock_quarantine_records") == {"malformed_json": 2}
    assert list(summary.batches[-1].seconds_by_stage)[-2:] == ["write", "commit"]


def test_metrics_of_a_planned_batch_tell_its_files(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline)
    land(local, "a.ndjson", event(1))
    planned = plan_batch(pipeline)
    assert planned is not None
    write_batch(pipeline, planned, SETTINGS)

    samples = agreeing(watch, pipeline)

    assert samples["penstock_planned_files",] == 1
    assert samples["penstock_lag_seconds",] > 0
    assert scraped(watch)["penstock_batches_total",] == 0

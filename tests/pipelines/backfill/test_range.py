"""The batches of a range are taken in again, and nothing is lost or doubled on the way."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import InvalidValueError
from config.pipeline import Pipeline
from pipelines.backfill.backfill import backfill
from pipelines.backfill.request import BackfillRequest, BackfillSummary
from pipelines.errors import BackfillError, UndoError
from pipelines.reports.status import status
from storage.errors import IrreversibleError
from storage.landing.named import named
from tests.conftest import Store
from tests.pipelines.merging import land_three_overlapping, merging_pipeline, outcome
from tests.pipelines.taking_in import SETTINGS, events, ids, land, proof_of, raws, run_and_prove
from tests.pipelines.undoing import land_three, one_file_a_batch


def again(pipeline: Pipeline, request: BackfillRequest) -> BackfillSummary:
    done = backfill(pipeline, request, SETTINGS)
    assert proof_of(pipeline).violations == ()
    return done


def test_backfill_of_files_takes_their_batches_in_again_under_todays_contract(local: Store) -> None:
    land_three(local)
    run_and_prove(one_file_a_batch(local))
    today = one_file_a_batch(local, expectations=[{"name": "even", "expect": "id % 2 = 0", "action": "drop"}])

    done = again(today, BackfillRequest(files="[12].ndjson"))

    assert (done.again, done.files, done.rows_removed) == ((3, 2), 2, 20)
    assert [one.undoes for one in done.batches] == [3, 2, None, None]
    assert ids(today) == [*range(10), *range(10, 30, 2)]
    assert sorted(raws(today)) == [b"bad 0", b"bad 1", b"bad 2"]


def test_backfill_of_times_takes_what_was_changed_then(local: Store) -> None:
    land_three(local)
    for day in range(3):
        moment = datetime(2026, 1, 5 + day, 12, tzinfo=UTC).timestamp()
        os.utime(local.at(f"landing/{day}.ndjson"), (moment, moment))
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)

    since, until = datetime(2026, 1, 6, tzinfo=UTC), datetime(2026, 1, 7)  # noqa: DTZ001 (UTC is meant)
    done = again(pipeline, BackfillRequest(since=since, until=until))

    assert (done.again, done.files) == ((2,), 1)
    assert ids(pipeline) == list(range(30))


def test_backfill_dry_names_the_batches_and_does_nothing(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)

    done = again(pipeline, BackfillRequest(files="1.ndjson", dry_run=True))

    assert (done.again, done.files, done.batches) == ((2,), 1, ())
    assert status(pipeline).last_batch == 3


def test_backfill_of_files_that_are_gone_is_refused(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    Path(local.at("landing/1.ndjson")).unlink()

    with pytest.raises(BackfillError, match="rows would be lost"):
        backfill(pipeline, BackfillRequest(files="1.ndjson"), SETTINGS)

    assert again(pipeline, BackfillRequest(files="2.ndjson")).again == (3,)


def test_backfill_of_a_range_without_files_says_so(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)

    with pytest.raises(BackfillError, match="no file of the range") as caught:
        backfill(pipeline, BackfillRequest(files="x*"), SETTINGS)

    assert caught.value.got == "files x*"


def test_backfill_of_what_was_rebuilt_says_to_rebuild(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    again(pipeline, BackfillRequest(rebuild=True))

    with pytest.raises(UndoError, match="rebuilt the table") as caught:
        backfill(pipeline, BackfillRequest(files="1.ndjson"), SETTINGS)

    assert "--rebuild" in str(caught.value.next_step)
    assert status(pipeline).last_batch == 4


def test_backfill_of_merged_batches_undoes_the_newest_first(local: Store) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run_and_prove(pipeline)
    before = outcome(pipeline)

    done = again(pipeline, BackfillRequest(files="*.ndjson"))

    assert done.again == (3, 2, 1)
    assert outcome(pipeline) == before


def test_backfill_whose_older_batch_is_refused_leaves_the_table_as_it_was(local: Store) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run_and_prove(pipeline)
    before = outcome(pipeline)

    with pytest.raises(IrreversibleError, match="cannot be undone"):
        backfill(pipeline, BackfillRequest(files="[02].ndjson"), SETTINGS)

    assert outcome(pipeline) == before
    assert proof_of(pipeline).violations == ()
    assert status(pipeline).waiting.files == 0


def test_backfill_takes_in_what_waits_too(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run_and_prove(pipeline)
    land(local, "3.ndjson", *events(30, 40))

    again(pipeline, BackfillRequest(files="0.ndjson"))

    assert ids(pipeline) == list(range(40))


@pytest.mark.parametrize("request_of", [{}, {"rebuild": True, "files": "*"}])
def test_backfill_of_neither_or_both_is_refused(request_of: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError, match="either of the whole table or of a range"):
        BackfillRequest(**request_of)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("location", "pattern", "found"),
    [
        ("s3://b/landing", "a.ndjson", ["s3://b/landing/a.ndjson"]),
        ("s3://b/landing", "day=1", ["s3://b/landing/day=1/a.ndjson"]),
        ("s3://b/landing/**/*.ndjson", "**/a.ndjson", ["s3://b/landing/a.ndjson", "s3://b/landing/day=1/a.ndjson"]),
        ("s3://b/landing", "s3://b/landing/*.ndjson", ["s3://b/landing/a.ndjson"]),
        ("s3://b/landing", "*", ["s3://b/landing/a.ndjson"]),
    ],
)  # fmt: skip
def test_named_files_are_below_the_landing_zone(location: str, pattern: str, found: list[str]) -> None:
    paths = ["s3://b/landing/a.ndjson", "s3://b/landing/day=1/a.ndjson", "s3://b/other/a.ndjson"]
    meant = named(location, pattern, paths)
    assert [path for path, one in zip(paths, meant, strict=True) if one] == found

"""Wherever a run is killed while its rows are merged: the next one makes of them what one run would."""

from __future__ import annotations

import pytest

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.dying_merge import POINTS
from tests.pipelines.merging import EXPECTED, MODES, Mode, land_three_overlapping, merging_pipeline, outcome
from tests.pipelines.taking_in import SETTINGS, proof_of
from tests.processes import killed


@pytest.mark.parametrize(
    "mode", [MODES[0], *(pytest.param(one, marks=pytest.mark.long) for one in MODES[1:])]
)
@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_within_a_merge_takes_up_the_batch(local: Store, mode: Mode, point: str) -> None:
    assert_survives(local, mode, point, 2)


@pytest.mark.s3
@pytest.mark.parametrize("point", POINTS[-2:])
def test_run_after_a_kill_within_an_upsert_on_s3_takes_up_the_batch(s3: Store, point: str) -> None:
    assert_survives(s3, "upsert", point, 2)


@pytest.mark.long
@pytest.mark.s3
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_anywhere_on_s3_takes_up_the_batch(s3: Store, mode: Mode, point: str) -> None:
    assert_survives(s3, mode, point, 2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", ["quarantine committed", "table made", "committed"])
def test_run_after_a_kill_within_the_first_merge_takes_up_the_batch(
    local: Store, mode: Mode, point: str
) -> None:
    assert_survives(local, mode, point, 1)


def assert_survives(store: Store, mode: Mode, point: str, batch: int) -> None:
    land_three_overlapping(store)
    pipeline = merging_pipeline(store, mode)
    killed("pipelines.dying_merge", pipeline.model_dump_json(by_alias=True), point, str(batch))
    assert proof_of(pipeline).violations == ()

    run(pipeline, SETTINGS)

    assert outcome(pipeline) == EXPECTED[mode]
    proof = proof_of(pipeline)
    assert (proof.violations, [one.batch for one in proof.batches]) == ((), [1, 2, 3])

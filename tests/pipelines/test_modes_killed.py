"""Wherever a run is killed while its rows are merged: the next one makes of them what one run would."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from config.pipeline import Pipeline
from tests.conftest import Store
from tests.pipelines.dying_merge import POINTS
from tests.pipelines.merging import EXPECTED, MODES, Mode, land_three_overlapping, merging_pipeline, outcome
from tests.pipelines.taking_in import ROOT, proof_of, run_and_prove

ON_S3 = ("table made", "all files written again", "committed")


def killed(pipeline: Pipeline, point: str, batch: int) -> int:
    """How a run ended that died there."""
    spec = pipeline.model_dump_json(by_alias=True)
    command = [sys.executable, "-m", "tests.pipelines.dying_merge", spec, point, str(batch)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    return done.returncode


def assert_survives(store: Store, mode: Mode, point: str, batch: int) -> None:
    land_three_overlapping(store)
    pipeline = merging_pipeline(store, mode)
    killed(pipeline, point, batch)
    assert proof_of(pipeline).violations == ()

    run_and_prove(pipeline)

    assert outcome(pipeline) == EXPECTED[mode]
    assert [one.batch for one in proof_of(pipeline).batches] == [1, 2, 3]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_within_a_merge_takes_up_the_batch(local: Store, mode: Mode, point: str) -> None:
    if mode == "replace" and point == "some files written again":
        pytest.skip("it writes no file again")
    assert_survives(local, mode, point, 2)


@pytest.mark.parametrize("point", ["quarantine committed", "table made", "committed"])
def test_run_after_a_kill_within_the_first_merge_takes_up_the_batch(local: Store, point: str) -> None:
    assert_survives(local, "upsert", point, 1)


@pytest.mark.s3
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", ON_S3)
def test_run_after_a_kill_within_a_merge_on_s3_takes_up_the_batch(s3: Store, mode: Mode, point: str) -> None:
    assert_survives(s3, mode, point, 2)

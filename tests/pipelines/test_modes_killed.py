"""Wherever a run is killed while its rows are merged: the next one makes of them what one run would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from config.pipeline import Pipeline
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.dying_merge import POINTS
from tests.pipelines.merging import EXPECTED, MODES, Mode, land_three_overlapping, merging_pipeline, outcome
from tests.pipelines.taking_in import ROOT, SETTINGS, proof_of

Kill = Callable[[Pipeline, int, str], None]


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Runs a pipeline in a process of its own, which dies within a batch at a point of it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.pipelines.dying_merge"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as parent:  # fmt: skip
        answers = parent.stdout
        assert answers is not None

        def order(pipeline: Pipeline, batch: int, point: str) -> None:
            aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
            told = [aws, pipeline.model_dump_json(by_alias=True), batch, point]
            print(json.dumps(told), file=parent.stdin, flush=True)
            assert int(answers.readline()) == signal.SIGKILL

        yield order


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_within_a_merge_takes_up_the_batch(
    local: Store, kill: Kill, mode: Mode, point: str
) -> None:
    assert_survives(local, kill, mode, point, 2)


@pytest.mark.s3
@pytest.mark.parametrize("point", POINTS[-2:])
def test_run_after_a_kill_within_an_upsert_on_s3_takes_up_the_batch(
    s3: Store, kill: Kill, point: str
) -> None:
    assert_survives(s3, kill, "upsert", point, 2)


@pytest.mark.long
@pytest.mark.s3
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_anywhere_on_s3_takes_up_the_batch(
    s3: Store, kill: Kill, mode: Mode, point: str
) -> None:
    assert_survives(s3, kill, mode, point, 2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("point", ["quarantine committed", "table made", "committed"])
def test_run_after_a_kill_within_the_first_merge_takes_up_the_batch(
    local: Store, kill: Kill, mode: Mode, point: str
) -> None:
    assert_survives(local, kill, mode, point, 1)


def assert_survives(store: Store, kill: Kill, mode: Mode, point: str, batch: int) -> None:
    land_three_overlapping(store)
    pipeline = merging_pipeline(store, mode)
    kill(pipeline, batch, point)
    assert proof_of(pipeline).violations == ()

    run(pipeline, SETTINGS)

    assert outcome(pipeline) == EXPECTED[mode]
    proof = proof_of(pipeline)
    assert (proof.violations, [one.batch for one in proof.batches]) == ((), [1, 2, 3])

"""Whenever an undo dies, and whoever comes next or at the same time: it happens exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.pipeline import Pipeline
from pipelines import undo as undoing
from pipelines.replay import replay
from pipelines.reports.status import status
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import ConcurrentRunError, IrreversibleError, UnavailableError
from storage.tables.delta import open_table
from storage.tables.ledger.planning import plan_undo
from storage.tables.replacing.replacement import commit_replacement
from tests.conftest import Store
from tests.pipelines.dying_undo import POINTS
from tests.pipelines.racing_run import FASTER
from tests.pipelines.taking_in import SETTINGS, events, ids, land, proof_of, raws, run_and_prove
from tests.pipelines.undoing import land_three, one_file_a_batch, undo_and_prove
from tests.processes import killed, start


def killed_at(pipeline: Pipeline, point: str) -> None:
    """Undoes batch 2, and dies on the way."""
    killed("pipelines.dying_undo", pipeline.model_dump_json(by_alias=True), point, "2")
    assert proof_of(pipeline).violations == ()


@pytest.mark.parametrize("finished_by", ["undo", pytest.param("run", marks=pytest.mark.long)])
@pytest.mark.parametrize("point", POINTS)
def test_undo_after_a_kill_is_finished_once(local: Store, point: str, finished_by: str) -> None:
    assert_survives_a_kill(local, point, finished_by)


@pytest.mark.parametrize("finished_by", ["replay", "undo of another"])
@pytest.mark.parametrize("point", ["planned", "reversed"])
def test_undo_after_a_kill_is_finished_by_other_commands(local: Store, point: str, finished_by: str) -> None:
    assert_survives_a_kill(local, point, finished_by)


@pytest.mark.s3
@pytest.mark.parametrize("point", POINTS[-2:])
def test_undo_after_a_kill_on_s3_is_finished_once(s3: Store, point: str) -> None:
    assert_survives_a_kill(s3, point, "run")


def assert_survives_a_kill(store: Store, point: str, finished_by: str) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    killed_at(pipeline, point)
    planned = status(pipeline).planned
    assert (planned is not None) == (point not in ("checked", "committed"))

    first = [(4, 2)] if planned else [(5, None)] if point == "committed" else []
    match finished_by:
        case "run":
            batches = run_and_prove(pipeline).batches
            assert [(one.batch, one.undoes) for one in batches[:1]] == first
        case "replay":
            replay(pipeline, SETTINGS)
        case "undo of another":
            undo_and_prove(pipeline, 1)
    done = undo_and_prove(pipeline, 2) if point == "checked" or finished_by != "run" else None

    assert done is None or (done.undoes, done.rows_removed) == (2, 10)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2"]
    undos = [one.undoes for one in proof_of(pipeline).batches if one.undoes]
    assert sorted(undos) == ([1, 2] if finished_by == "undo of another" else [2])


def test_undo_answer_of_the_commit_lost_is_found_by_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    commit = commit_replacement

    def losing(*arguments: Any) -> int:
        commit(*arguments)
        raise UnavailableError("the answer got lost")

    with monkeypatch.context() as fault:
        fault.setattr("pipelines.undo.commit_replacement", losing)
        with pytest.raises(UnavailableError):
            undo(pipeline, 2, SETTINGS)

    done = undo_and_prove(pipeline, 2)

    assert (done.batch, done.rows_removed, done.done_before) == (4, 10, True)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))


@pytest.mark.parametrize("others", [["undo 2"], ["undo 1", "replay"], []])
def test_undo_of_several_processes_at_once_doubles_and_loses_nothing(
    local: Store, tmp_path: Path, others: list[str]
) -> None:
    assert_survives_a_race(local, tmp_path, others)


@pytest.mark.long
@pytest.mark.s3
def test_undo_of_several_processes_at_once_on_s3_doubles_and_loses_nothing(s3: Store, tmp_path: Path) -> None:
    assert_survives_a_race(s3, tmp_path, [])


def assert_survives_a_race(store: Store, tmp_path: Path, others: list[str]) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    land(store, "3.ndjson", *events(30, 40))
    spec, begin = pipeline.model_dump_json(by_alias=True), tmp_path / "begin"
    steps = [["undo 2"], *([one] for one in others)] if others else [["undo 2"], []]
    racing = [start("pipelines.racing_run", spec, str(begin), *step) for step in steps * 2]
    begin.touch()

    ended = [one.ended() for one in racing]

    assert {status for status, _ in ended} <= {0, FASTER}, ended
    assert proof_of(pipeline).violations == ()
    undo_and_prove(pipeline, 2)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(40))
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2"]


def test_undo_overtaken_by_a_run_that_plans_first_says_so(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    land(local, "3.ndjson", *events(30, 40))
    plan = plan_undo

    def late(*arguments: Any, **options: Any) -> Any:
        run(pipeline, SETTINGS)
        return plan(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.undo.plan_undo", late)
        with pytest.raises(ConcurrentRunError, match="batch 4"):
            undo(pipeline, 2, SETTINGS)

    undo_and_prove(pipeline, 2)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(40))


@pytest.mark.parametrize("step", ["mark", "commit"])
def test_undo_overtaken_at_a_step_by_another_and_a_run_finds_it_done(
    local: Store, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    original = getattr(undoing, step)

    def late(*arguments: Any) -> Any:
        monkeypatch.undo()
        undo(pipeline, 2, SETTINGS)
        run(pipeline, SETTINGS)
        return original(*arguments)

    monkeypatch.setattr(undoing, step, late)
    done = undo(pipeline, 2, SETTINGS)

    assert (done.batch, done.undoes) == (4, 2)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2"]


@pytest.mark.parametrize("finished_by", [undo, run])
def test_undo_that_has_become_impossible_is_given_up_and_others_follow(
    local: Store, finished_by: Any
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    killed_at(pipeline, "marked")
    open_table(pipeline.table.uri).delete("id = 11")  # type: ignore[union-attr]

    with pytest.raises(IrreversibleError, match="written again"):
        finished_by(pipeline, *([2] if finished_by is undo else []), settings=SETTINGS)

    assert_others_follow(local, pipeline)


def test_undo_killed_while_it_is_given_up_is_given_up_again(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    killed_at(pipeline, "marked")
    open_table(pipeline.table.uri).delete("id = 11")  # type: ignore[union-attr]

    def failing(*_: Any) -> None:
        raise OSError("no luck")

    with monkeypatch.context() as fault:
        fault.setattr(undoing, "unplan", failing)
        with pytest.raises(OSError, match="no luck"):
            run(pipeline, SETTINGS)
    assert proof_of(pipeline).batches[-1].state == "pending"

    with pytest.raises(IrreversibleError, match="written again"):
        run(pipeline, SETTINGS)

    assert_others_follow(local, pipeline)


def assert_others_follow(local: Store, pipeline: Pipeline) -> None:
    """Batch 4 is free again, and what an attempt at the undo had marked counts no more."""
    assert status(pipeline).planned is None
    assert status(pipeline).quarantined == {"malformed_json": 3}
    land(local, "3.ndjson", *events(30, 40), b"bad 3")
    assert [one.batch for one in run(pipeline, SETTINGS).batches] == [4]
    assert ids(pipeline) == [*range(11), *range(12, 40)]
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2", b"bad 3"]
    undone = undo(pipeline, 4, SETTINGS)
    assert (undone.batch, undone.rows_removed) == (5, 10)

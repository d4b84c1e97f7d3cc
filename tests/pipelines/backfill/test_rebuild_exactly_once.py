"""Whenever a rebuild dies, and whoever comes next or at the same time: it happens exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.pipeline import Pipeline
from pipelines.backfill.rebuild import give_up, rebuild
from pipelines.backfill.rebuilt_commit import commit_rebuilt
from pipelines.replay import replay
from pipelines.reports.status import status
from pipelines.run import run
from pipelines.undo import undo
from storage.errors import ConcurrentRunError, IrreversibleError, UnavailableError
from storage.tables.delta import open_table
from storage.tables.ledger.planning import plan_rebuild
from storage.tables.replacing.replacement import commit_replacement
from tests.conftest import Store
from tests.pipelines.backfill.rebuilding import rebuild_and_prove
from tests.pipelines.dying_rebuild import POINTS
from tests.pipelines.merging import land_three_overlapping, merging_pipeline, outcome
from tests.pipelines.racing_run import FASTER
from tests.pipelines.taking_in import SETTINGS, events, ids, land, proof_of, raws, run_and_prove
from tests.pipelines.undoing import land_three, one_file_a_batch, undo_and_prove
from tests.processes import killed, start

BAD = [b"bad 0", b"bad 1", b"bad 2"]
QUICK = ("planned", "refused committed", "swapping", "committed")


def _at(point: str) -> Any:
    """A point, which only the longer tests look at where it is none of `QUICK`."""
    return point if point in QUICK else pytest.param(point, marks=pytest.mark.long)


def killed_at(pipeline: Pipeline, point: str) -> None:
    """Rebuilds the table, and dies on the way."""
    killed("pipelines.dying_rebuild", pipeline.model_dump_json(by_alias=True), point)
    assert proof_of(pipeline).violations == ()


@pytest.mark.parametrize("finished_by", [pytest.param("rebuild", marks=pytest.mark.long), "run"])
@pytest.mark.parametrize("point", [_at(one) for one in POINTS if one != "merging"])
def test_rebuild_after_a_kill_is_finished_once(local: Store, point: str, finished_by: str) -> None:
    assert_survives_a_kill(local, point, finished_by)


@pytest.mark.long
@pytest.mark.parametrize("finished_by", ["replay", "undo"])
def test_rebuild_after_a_kill_is_finished_by_other_commands(local: Store, finished_by: str) -> None:
    assert_survives_a_kill(local, "refused committed", finished_by)


@pytest.mark.s3
@pytest.mark.parametrize(
    "point",
    [
        pytest.param("all written", marks=pytest.mark.long),
        "swapping",
        pytest.param("committed", marks=pytest.mark.long),
    ],
)
def test_rebuild_after_a_kill_on_s3_is_finished_once(s3: Store, point: str) -> None:
    assert_survives_a_kill(s3, point, "run")


def assert_survives_a_kill(store: Store, point: str, finished_by: str) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    land(store, "3.ndjson", *events(30, 40))
    killed_at(pipeline, point)
    planned = status(pipeline).planned
    assert (planned is not None and planned.rebuilds == 3) == (point not in ("checked", "committed"))
    assert ids(pipeline) == list(range(30))

    match finished_by:
        case "run":
            run_and_prove(pipeline)
        case "replay":
            replay(pipeline, SETTINGS)
        case "undo":
            run_and_prove(pipeline)
            undo_and_prove(pipeline, 5)
    if point == "checked" or finished_by == "rebuild":
        rebuild_and_prove(pipeline)

    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(40))
    assert sorted(raws(pipeline)) == BAD
    rebuilds = [one.rebuilds for one in proof_of(pipeline).batches if one.rebuilds]
    assert len(rebuilds) == (2 if point == "committed" and finished_by == "rebuild" else 1)


@pytest.mark.parametrize(
    "point",
    [
        "merging",
        pytest.param("marked", marks=pytest.mark.long),
        pytest.param("swapping", marks=pytest.mark.long),
        pytest.param("committed", marks=pytest.mark.long),
    ],
)
def test_rebuild_of_an_upsert_after_a_kill_is_finished_once(local: Store, point: str) -> None:
    land_three_overlapping(local)
    pipeline = merging_pipeline(local, "upsert")
    run(pipeline, SETTINGS)
    before = outcome(pipeline)

    killed_at(pipeline, point)

    assert outcome(pipeline) == before
    run_and_prove(pipeline)
    assert outcome(pipeline) == before
    assert [one.rebuilds for one in proof_of(pipeline).batches] == [None, None, None, 3]


@pytest.mark.parametrize(
    "point",
    [
        "refused committed",
        pytest.param("planned", marks=pytest.mark.long),
        pytest.param("swapping", marks=pytest.mark.long),
    ],
)
def test_rebuild_that_died_is_finished_under_the_contract_of_then(local: Store, point: str) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    killed_at(pipeline, point)
    drops = [{"name": "even", "expect": "id % 2 = 0", "action": "quarantine"}]
    other = one_file_a_batch(local, expectations=drops)

    run_and_prove(other)

    assert ids(other) == list(range(0, 30, 2))
    assert len(raws(other)) == 18


def test_rebuild_answer_of_the_commit_lost_is_found_by_who_tries_again(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    written: list[Any] = []

    def losing(*arguments: Any) -> int:
        commit_replacement(*arguments)
        raise UnavailableError("the answer got lost")

    def noting(*arguments: Any) -> int:
        written.append(arguments[1])
        return commit_rebuilt(*arguments)

    with monkeypatch.context() as fault:
        fault.setattr("storage.tables.rebuilding.commit.commit_replacement", losing)
        fault.setattr("pipelines.backfill.rebuilt_commit.commit_rebuilt", noting)
        with pytest.raises(UnavailableError):
            rebuild(pipeline, SETTINGS)

    version = commit_rebuilt(pipeline, written[0])

    assert (version, written[0].fate.rows_removed) == (3, 30)
    assert proof_of(pipeline).violations == ()
    assert run_and_prove(pipeline).batches == ()
    assert ids(pipeline) == list(range(30))


@pytest.mark.parametrize(
    "others",
    [
        ["rebuild", "", "undo 2", "replay"],
        pytest.param(["rebuild", "rebuild"], marks=pytest.mark.long),
        pytest.param(["rebuild", ""], marks=pytest.mark.long),
    ],
)
def test_rebuild_beside_other_processes_doubles_and_loses_nothing(
    local: Store, tmp_path: Path, others: list[str]
) -> None:
    assert_survives_a_race(local, tmp_path, others)


@pytest.mark.long
@pytest.mark.s3
def test_rebuild_beside_other_processes_on_s3_doubles_and_loses_nothing(s3: Store, tmp_path: Path) -> None:
    assert_survives_a_race(s3, tmp_path, ["rebuild", "", "rebuild", ""])


def assert_survives_a_race(store: Store, tmp_path: Path, steps: list[str]) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run(pipeline, SETTINGS)
    land(store, "3.ndjson", *events(30, 40))
    spec, begin = pipeline.model_dump_json(by_alias=True), tmp_path / "begin"
    racing = [start("pipelines.racing_run", spec, str(begin), *([one] if one else [])) for one in steps]
    begin.touch()

    ended = [one.ended() for one in racing]

    # Undos are refused where the table was rebuilt just before.
    assert all(code in (0, FASTER) or "cannot be undone" in said for code, said in ended), ended
    assert proof_of(pipeline).violations == ()
    rebuild_and_prove(pipeline)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(40))
    assert sorted(raws(pipeline)) == BAD


def test_rebuild_overtaken_by_a_run_that_plans_first_says_so(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    land(local, "3.ndjson", *events(30, 40))

    def late(*arguments: Any) -> Any:
        run(pipeline, SETTINGS)
        return plan_rebuild(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.backfill.rebuild.plan_rebuild", late)
        with pytest.raises(ConcurrentRunError, match="batch 4"):
            rebuild(pipeline, SETTINGS)

    assert rebuild_and_prove(pipeline).again == (1, 2, 3, 4)
    assert ids(pipeline) == list(range(40))


@pytest.mark.parametrize("change", ["compact", "append"])
def test_rebuild_beside_changes_of_others_while_it_commits(
    local: Store, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    land_three(local)
    pipeline, other = one_file_a_batch(local), one_file_a_batch(local, name="others")
    run(pipeline, SETTINGS)

    def late(*arguments: Any) -> int:
        monkeypatch.undo()
        if change == "compact":
            open_table(pipeline.table.uri).optimize.compact()  # type: ignore[union-attr]
        else:
            run(other, SETTINGS)
        return commit_replacement(*arguments)

    monkeypatch.setattr("storage.tables.rebuilding.commit.commit_replacement", late)
    rebuild_and_prove(pipeline)

    assert ids(pipeline) == (list(range(30)) if change == "compact" else sorted([*range(30)] * 2))


def test_rebuild_that_has_become_impossible_is_given_up_and_others_follow(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    killed_at(pipeline, "refused committed")
    open_table(pipeline.table.uri).delete("id = 11")  # type: ignore[union-attr]

    with pytest.raises(IrreversibleError, match="another program has changed rows"):
        run(pipeline, SETTINGS)

    assert_others_follow(local, pipeline, [*range(11), *range(12, 40)])


def test_rebuild_given_up_by_hand_leaves_the_table_and_others_follow(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS)
    assert give_up(pipeline) is None
    killed_at(pipeline, "swapping")

    assert give_up(pipeline) == 4

    assert_others_follow(local, pipeline, list(range(40)))


def assert_others_follow(local: Store, pipeline: Pipeline, expected: list[int]) -> None:
    """Batch 4 is free again, and what an attempt at the rebuild had marked counts no more."""
    assert status(pipeline).planned is None
    assert status(pipeline).quarantined == {"malformed_json": 3}
    land(local, "3.ndjson", *events(30, 40), b"bad 3")
    assert [one.batch for one in run(pipeline, SETTINGS).batches] == [4]
    assert ids(pipeline) == expected
    assert sorted(raws(pipeline)) == [*BAD, b"bad 3"]
    assert undo(pipeline, 4, SETTINGS).rows_removed == 10

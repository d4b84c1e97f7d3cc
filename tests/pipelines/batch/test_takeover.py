"""Two runs at one batch under different contracts: what table and quarantine hold comes of the same one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from deltalake import DeltaTable
from deltalake.transaction import create_table_with_add_actions

from config.pipeline import Pipeline
from pipelines.batch.committing import commit_batch, commit_refused, commit_rows
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.reports.history import history
from pipelines.reports.status import status
from pipelines.written_batch import WrittenBatch
from storage.errors import ConcurrentRunError
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, land, proof_of, raws, run_and_prove, table

FITS = {
    "text": ("starts_with(id, '\"')", ['"1"'], [b'{"id": 2}']),
    "number": ("not starts_with(id, '\"')", ["2"], [b'{"id": "1"}']),
    "any": ("id is not null", ['"1"', "2"], []),
    "none": ("id = '0'", [], [b'{"id": "1"}', b'{"id": 2}']),
}
"""What a pipeline takes: its expectation, then what table and quarantine hold of the file."""

PAIRS = [("text", "number"), ("text", "any"), ("any", "text"), ("none", "any"), ("any", "none")]
RACES = [
    pytest.param(*pair, before, marks=pytest.mark.long if before and pair != PAIRS[0] else ())
    for pair in PAIRS
    for before in (0, 1)
]
"""Slow, fast, and how many batches the table has before them: with one every pair runs in make test-long."""


def taking(store: Store, fits: str) -> Pipeline:
    check = {"name": "kind", "expect": FITS[fits][0], "action": "quarantine"}
    return a_pipeline(store, {"id": "json!"}, expectations=[check])


def written(pipeline: Pipeline) -> WrittenBatch:
    planned = plan_batch(pipeline)
    assert planned is not None
    return write_batch(pipeline, planned, SETTINGS)


def before_write(monkeypatch: pytest.MonkeyPatch, number: int, meanwhile: Callable[[], Any]) -> None:
    """Lets something else happen before the write number `number`, from 0, to any table's log."""
    writes = 0

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes == number + 1:
                meanwhile()
            return function(*arguments, **options)

        return call

    for owner, name in ((DeltaTable, "create_write_transaction"), (DeltaTable, "delete")):
        monkeypatch.setattr(owner, name, counting(getattr(owner, name)))
    creating = counting(create_table_with_add_actions)
    monkeypatch.setattr("storage.tables.commits.create_table_with_add_actions", creating)


def assert_one_contract_came_through(store: Store, outcomes: dict[str, object], before: int) -> None:
    pipeline = taking(store, "any")
    assert proof_of(pipeline).violations == ()
    winners = [fits for fits, outcome in outcomes.items() if isinstance(outcome, int)]
    assert len(winners) <= 1
    if not winners:
        winners = ["text"]
        run_and_prove(taking(store, "text"))
    (winner,) = winners
    assert sorted(table(pipeline)["id"]) == sorted([*["0"] * before, *FITS[winner][1]])
    assert raws(pipeline) == FITS[winner][2]


def tried(function: Callable[..., Any], *arguments: Any) -> object:
    try:
        return function(*arguments)
    except ConcurrentRunError as error:
        return error


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize(("slow", "fast", "before"), RACES)
def test_commit_of_rows_whose_quarantine_is_taken_over_refuses(
    local: Store, monkeypatch: pytest.MonkeyPatch, slow: str, fast: str, step: int, before: int
) -> None:
    """The slow one has committed its quarantine, and commits its rows while the fast one is at any step."""
    if before:
        land(local, "0.ndjson", b'{"id": 0}')
        run_and_prove(taking(local, "any"))
    land(local, "a.ndjson", b'{"id": "1"}', b'{"id": 2}')
    ours, theirs = written(taking(local, slow)), written(taking(local, fast))
    opened, outcomes = commit_refused(taking(local, slow), ours), {}

    def commit_ours() -> None:
        outcomes[slow] = tried(commit_rows, taking(local, slow), ours, opened)

    with monkeypatch.context() as patch:
        before_write(patch, step, commit_ours)
        outcomes[fast] = tried(commit_batch, taking(local, fast), theirs)

    assert_one_contract_came_through(local, outcomes, before)


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize(("slow", "fast", "before"), RACES)
def test_commit_of_a_batch_while_another_contract_commits_it_lets_one_through(
    local: Store, monkeypatch: pytest.MonkeyPatch, slow: str, fast: str, step: int, before: int
) -> None:
    """A third one left its quarantine and died; the fast one comes through at any step of the slow one."""
    if before:
        land(local, "0.ndjson", b'{"id": 0}')
        run_and_prove(taking(local, "any"))
    land(local, "a.ndjson", b'{"id": "1"}', b'{"id": 2}')
    commit_refused(taking(local, "none"), written(taking(local, "none")))
    outcomes: dict[str, object] = {}

    def overtake() -> None:
        outcomes[fast] = tried(commit_batch, taking(local, fast), written(taking(local, fast)))

    with monkeypatch.context() as patch:
        before_write(patch, step, overtake)
        outcomes[slow] = tried(commit_batch, taking(local, slow), written(taking(local, slow)))

    assert_one_contract_came_through(local, outcomes, before)


def test_history_and_proof_take_the_commit_of_a_takeover_for_no_batch(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": "1"}', b'{"id": 2}')
    commit_refused(taking(local, "text"), written(taking(local, "text")))

    run_and_prove(taking(local, "number"))

    found = history(taking(local, "any").table.uri)
    assert [(one.version, one.batch, one.rows) for one in found] == [(1, 1, 1), (0, None, None)]
    assert status(taking(local, "any")).last_batch == 1


@pytest.mark.parametrize("finished_by", ["text", "any"])
@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("before", [0, 1])
def test_run_after_a_takeover_that_died_takes_up_the_batch(
    local: Store, monkeypatch: pytest.MonkeyPatch, before: int, step: int, finished_by: str
) -> None:
    if before:
        land(local, "0.ndjson", b'{"id": 0}')
        run_and_prove(taking(local, "any"))
    land(local, "a.ndjson", b'{"id": "1"}', b'{"id": 2}')
    commit_refused(taking(local, "text"), written(taking(local, "text")))

    def die() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        before_write(patch, step, die)
        commit_batch(taking(local, "number"), written(taking(local, "number")))
    run_and_prove(taking(local, finished_by))

    assert_one_contract_came_through(local, {finished_by: 1}, before)


@pytest.mark.parametrize("wider", ["fast", "both"])
def test_commit_of_rows_that_widen_the_table_after_a_takeover_refuses(local: Store, wider: str) -> None:
    land(local, "0.ndjson", b'{"id": 0, "n": 1}')
    run_and_prove(a_pipeline(local, {"id": "int64!", "n": "int32"}))
    land(local, "a.ndjson", b'{"id": 1, "n": 3000000000}', b'{"id": 2, "n": "x"}')
    rescuing = {"on_mismatch": "rescue"}
    slow, fast = (
        a_pipeline(
            local,
            {"id": "int64!", "n": "int64" if name == "fast" or wider == "both" else "int32"},
            contract=contract,
        )
        for name, contract in (("slow", {}), ("fast", rescuing))
    )
    ours, theirs = written(slow), written(fast)
    our_table = commit_refused(slow, ours)
    their_table = commit_refused(fast, theirs)

    with pytest.raises(ConcurrentRunError):
        commit_rows(slow, ours, our_table)
    commit_rows(fast, theirs, their_table)

    assert proof_of(fast).violations == ()
    assert (table(fast).height, raws(fast)) == (3, [])

"""Whenever a run dies, and however many there are: each record arrives exactly once."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.transaction import create_table_with_add_actions

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.committing import commit_batch
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.proof.proof import prove
from pipelines.run import run
from storage.errors import ConcurrentRunError, FileChangedError, FileVanishedError
from storage.filesystem import delta_storage_options
from tests.conftest import Store
from tests.pipelines.dying_run import POINTS
from tests.pipelines.racing_run import FASTER
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    event,
    events,
    ids,
    land,
    proof_of,
    raws,
    refused,
    run_and_prove,
    table,
)
from tests.processes import killed, start

FILES = 3
RUNS = 3


def land_three(store: Store) -> None:
    """Three files of ten good records and a bad one each: ids 0 to 29."""
    for number in range(FILES):
        first = 10 * number
        land(store, f"{number}.ndjson", *events(first, first + 10), b"bad %d" % number)


def assert_all_three_arrived_once(pipeline: Pipeline) -> None:
    assert ids(pipeline) == list(range(30))
    assert sorted(raws(pipeline)) == [b"bad 0", b"bad 1", b"bad 2"]
    assert [one.batch for one in proof_of(pipeline).batches] == [1, 2, 3]


def one_file_a_batch(store: Store) -> Pipeline:
    return a_pipeline(store, source={"max_files_per_batch": 1})


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_takes_up_the_batch(local: Store, point: str, number: int) -> None:
    assert_survives_a_kill(local, point, number)


@pytest.mark.s3
@pytest.mark.parametrize("point", POINTS[-2:])
def test_run_after_a_kill_on_s3_takes_up_the_batch(s3: Store, point: str) -> None:
    assert_survives_a_kill(s3, point, 1)


def assert_survives_a_kill(store: Store, point: str, number: int) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)

    killed("pipelines.dying_run", pipeline.model_dump_json(by_alias=True), point, str(number))
    assert proof_of(pipeline).ok

    run_and_prove(pipeline)

    assert_all_three_arrived_once(pipeline)


def test_run_after_a_kill_takes_the_planned_files_only(local: Store) -> None:
    land_three(local)
    pipeline = a_pipeline(local, source={"max_files_per_batch": 2})
    killed("pipelines.dying_run", pipeline.model_dump_json(by_alias=True), "planned", "1")
    land(local, "-1.ndjson", *events(30, 40))

    batches = run_and_prove(pipeline).batches

    assert [one.files for one in batches] == [2, 2]
    assert ids(pipeline) == list(range(40))


def test_run_after_a_kill_under_another_contract_quarantines_what_does_not_fit_that_one(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": "1"}', b'{"id": 2}', b"bad")
    strict, loose = a_pipeline(local, {"id": "int64!"}), a_pipeline(local, {"id": "string!"})
    killed("pipelines.dying_run", strict.model_dump_json(by_alias=True), "quarantine committed", "1")
    assert raws(strict) == [b'{"id": "1"}', b"bad"]

    run_and_prove(loose)

    assert table(loose)["id"].to_list() == ["1"]
    assert raws(loose) == [b'{"id": 2}', b"bad"]


@pytest.mark.parametrize(
    "broken",
    [
        "run.write_batch",
        "batch.writing.check_conserved",
        "batch.committing.commit_refused",
        "batch.committing.commit_files",
    ],
)
def test_run_after_a_fault_takes_up_the_batch(
    local: Store, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)
    run(pipeline, SETTINGS, max_batches=1)
    with monkeypatch.context() as fault:
        fault.setattr(f"pipelines.{broken}", failing)
        with pytest.raises(OSError, match="no luck"):
            run(pipeline, SETTINGS)
    assert proof_of(pipeline).ok

    run_and_prove(pipeline)

    assert_all_three_arrived_once(pipeline)


def failing(*_arguments: Any, **_options: Any) -> None:
    raise OSError("no luck")


def then_failing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Calls `function`, whose answer then gets lost."""

    def call(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        raise OSError("the answer got lost")

    return call


def test_run_answers_of_all_commits_lost_finishes_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    with monkeypatch.context() as fault:
        fault.setattr(
            "storage.tables.commits.create_table_with_add_actions",
            then_failing(create_table_with_add_actions),
        )
        append = then_failing(DeltaTable.create_write_transaction)
        fault.setattr(DeltaTable, "create_write_transaction", append)
        run_and_prove(pipeline)

    assert_all_three_arrived_once(pipeline)
    assert "succeeded in spite of" in caplog.text


def test_run_of_three_processes_at_once_doubles_and_loses_nothing(store: Store, tmp_path: Path) -> None:
    for number in range(5):
        land(store, f"{number}.ndjson", *events(100 * number, 100 * number + 100), b"bad %d" % number)
    pipeline = one_file_a_batch(store)
    spec, begin = pipeline.model_dump_json(by_alias=True), tmp_path / "begin"
    racing = [start("pipelines.racing_run", spec, str(begin)) for _ in range(RUNS)]
    begin.touch()

    ended = [one.ended() for one in racing]

    assert {status for status, _ in ended} <= {0, FASTER}, ended
    assert all("run" in said and "run again" in said for status, said in ended if status == FASTER)
    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(500))
    assert sorted(raws(pipeline)) == [b"bad %d" % number for number in range(5)]


@pytest.mark.parametrize("faster", ["the other", "the first"])
def test_run_overtaken_at_its_commit_says_so_and_leaves_the_other_alone(local: Store, faster: str) -> None:
    land_three(local)
    pipeline = a_pipeline(local)
    first, second = (plan_batch(pipeline) for _ in range(2))
    assert first is not None
    assert second is not None
    written = [write_batch(pipeline, planned, SETTINGS) for planned in (first, second)]
    if faster == "the other":
        written.reverse()

    commit_batch(pipeline, written[0])
    with pytest.raises(ConcurrentRunError, match="nothing is lost"):
        commit_batch(pipeline, written[1])

    run_and_prove(pipeline)
    assert ids(pipeline) == list(range(30))
    assert len(list(Path(pipeline.table.uri).rglob("*.parquet"))) == 1


def test_run_again_takes_in_nothing(store: Store) -> None:
    land_three(store)
    pipeline = one_file_a_batch(store)
    run_and_prove(pipeline)
    version = DeltaTable(pipeline.table.uri, storage_options=storage_options(pipeline)).version()

    assert run_and_prove(pipeline).batches == ()

    assert DeltaTable(pipeline.table.uri, storage_options=storage_options(pipeline)).version() == version
    assert_all_three_arrived_once(pipeline)


def storage_options(pipeline: Pipeline) -> dict[str, str]:
    return delta_storage_options(pipeline.table.uri)


def test_run_same_file_under_another_name_is_new(store: Store) -> None:
    land(store, "a.ndjson", event(1))
    pipeline = a_pipeline(store)
    run_and_prove(pipeline)
    land(store, "copy.ndjson", event(1))

    (second,) = run_and_prove(pipeline).batches

    assert (second.batch, second.files) == (2, 1)
    assert ids(pipeline) == [1, 1]


def test_run_changed_file_is_new(store: Store) -> None:
    land(store, "a.ndjson", event(1))
    pipeline = a_pipeline(store)
    run_and_prove(pipeline)
    land(store, "a.ndjson", event(2), event(3))

    (second,) = run_and_prove(pipeline).batches

    assert (second.batch, second.records_read) == (2, 2)
    assert ids(pipeline) == [1, 2, 3]


def test_run_planned_file_changed_or_gone_waits_for_it(local: Store) -> None:
    path = Path(land(local, "a.ndjson", event(1)))
    land(local, "b.ndjson", event(2))
    pipeline = a_pipeline(local)
    assert plan_batch(pipeline) is not None
    kept = path.with_name("_kept")
    path.rename(kept)
    with pytest.raises(FileVanishedError, match=r"a\.ndjson"):
        run(pipeline, SETTINGS)
    path.write_bytes(event(3))
    with pytest.raises(FileChangedError, match=r"a\.ndjson"):
        run(pipeline, SETTINGS)

    kept.rename(path)
    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 2]


def test_run_limit_of_files_makes_batches_of_that_many(local: Store) -> None:
    for number in range(5):
        land(local, f"{number}.ndjson", event(number))

    batches = run_and_prove(a_pipeline(local, source={"max_files_per_batch": 2})).batches

    assert [(one.batch, one.files) for one in batches] == [(1, 2), (2, 2), (3, 1)]


def test_run_limit_of_bytes_makes_batches_of_at_most_as_many(local: Store) -> None:
    for number, count in enumerate([10, 10, 10, 100, 10]):
        land(local, f"{number}.ndjson", *[event(1)] * count)
    size = len(event(1)) + 1

    batches = run_and_prove(a_pipeline(local, source={"max_bytes_per_batch": 25 * size})).batches

    assert [one.bytes_read // size for one in batches] == [20, 10, 100, 10]


def test_run_max_batches_stops_early_and_says_that_more_waits(local: Store) -> None:
    land_three(local)
    pipeline = one_file_a_batch(local)

    first = run(pipeline, SETTINGS, max_batches=2)

    assert (len(first.batches), first.caught_up) == (2, False)
    assert proof_of(pipeline).ok
    assert [one.batch for one in run_and_prove(pipeline).batches] == [3]


def test_run_with_any_number_of_threads_and_any_memory_gives_the_same_rows(tmp_path: Path) -> None:
    found = [
        outcome(Store(str(tmp_path)), f"{threads}-{memory}", Settings(threads=threads, memory_bytes=memory))
        for threads, memory in [(1, 2**29), (4, 2**20), (2, 2**23)]
    ]

    rows, bad, counts = found[0]
    assert rows.height == 10_000
    assert bad.height == 57
    for other_rows, other_bad, other_counts in found[1:]:
        assert other_rows.equals(rows)
        assert other_bad.equals(bad)
        assert other_counts == counts


def outcome(store: Store, name: str, settings: Settings) -> tuple[pl.DataFrame, pl.DataFrame, list[Any]]:
    """Rows, refused records and counts of a run over the same files, into a table of its own."""
    if not Path(store.at("landing")).exists():
        land_copies(store)
    table_options = {
        "uri": store.at(f"lake/{name}"),
        "key": ["id"],
        "partition_by": ["kind"],
        "sort_by": ["id"],
    }
    pipeline = a_pipeline(store, table=table_options, lineage=True)
    run_and_prove(pipeline, settings)
    (proved,) = prove(pipeline, settings).batches
    return table(pipeline).sort("id"), refused(pipeline), [proved]


def land_copies(store: Store) -> None:
    """Each id twice, so that it shows in `_file` and `_record` which one was kept; some records are bad."""
    for number in range(4):
        first = 5_000 * (number // 2)
        lines = events(first, first + 5_000)
        lines[number * 100 :: 350] = [b"bad"] * len(lines[number * 100 :: 350])
        store.put(f"landing/{number}.ndjson.gz", gzip.compress(b"\n".join(lines), compresslevel=1))

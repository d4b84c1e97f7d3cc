"""A replay takes in exactly the records that now fit, once, and leaves the others where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from config.names import FILE, RECORD
from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.committing import commit_batch
from pipelines.batch.planning import plan_batch
from pipelines.replay import ReplaySummary, replay
from pipelines.reports.status import status
from pipelines.run import run
from storage.errors import ConcurrentRunError, TableError
from storage.tables.delta import open_table
from storage.tables.quarantine.records import quarantine_uri
from tests.conftest import Store
from tests.pipelines.dying_run import POINTS
from tests.pipelines.racing_run import FASTER
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    land,
    proof_of,
    raws,
    reasons,
    refused,
    run_and_prove,
    table,
)
from tests.processes import killed, start

COLUMNS = {"id": "int64!", "n": "int32"}


def replay_and_prove(pipeline: Pipeline, settings: Settings = SETTINGS) -> ReplaySummary:
    """Replays; its counts add up, and the proof holds."""
    summary = replay(pipeline, settings)
    assert proof_of(pipeline).violations == ()
    fates = summary.taken_in + summary.dropped + summary.duplicates + summary.not_replayable
    assert summary.open == fates + sum(summary.still_refused.values())
    return summary


def strict(store: Store, **options: Any) -> Pipeline:
    """One file a batch; a record with a value of another type is refused."""
    return a_pipeline(store, COLUMNS, **{"source": {"max_files_per_batch": 1}, "lineage": True, **options})


def loose(store: Store, **options: Any) -> Pipeline:
    """The same, but such a value is rescued, where it is not required."""
    return strict(store, **{"contract": {"on_mismatch": "rescue"}, **options})


def land_two(store: Store) -> None:
    """Nine records, of which the strict contract takes 1, 4 and 7, and the loose one 2, 5 and 8 as well."""
    land(store, "a.ndjson", b'{"id": 1}', b'{"id": 2, "n": "2"}', b"", b"bad", b'{"id": 4}', b'{"id": "no"}')
    land(store, "b.ndjson", b'{"id": 5, "n": 1.5}', b"\xff\xfe", b'{"id": 7}', b'{"id": 8, "n": []}')


def ids(pipeline: Pipeline) -> list[int]:
    return table(pipeline)["id"].sort().to_list()


def test_replay_takes_in_what_fits_now_and_leaves_the_rest_where_it_is(store: Store) -> None:
    land_two(store)
    run_and_prove(strict(store))
    before = refused(strict(store))

    summary = replay_and_prove(loose(store))

    assert (summary.open, summary.taken_in) == (6, 3)
    assert summary.still_refused == {"malformed_json": 2, "type_mismatch": 1}
    assert [(one.batch, one.files, one.records_read, one.rows_written) for one in summary.batches] == [
        (3, 1, 3, 1),
        (4, 1, 3, 2),
    ]
    assert ids(loose(store)) == [1, 2, 4, 5, 7, 8]
    assert raws(loose(store)) == [b"bad", b'{"id": "no"}', b"\xff\xfe"]
    assert refused(loose(store)).equals(before.filter(pl.col("raw").is_in(raws(loose(store)))))


def test_replay_rows_come_from_where_they_lay(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))

    replay_and_prove(loose(local))

    rows = table(loose(local)).sort("id").select("id", "_rescued", FILE, RECORD)
    a, b = local.at("landing/a.ndjson"), local.at("landing/b.ndjson")
    assert rows.rows() == [
        (1, None, a, 1),
        (2, '{"n":"2"}', a, 2),
        (4, None, a, 5),
        (5, '{"n":1.5}', b, 1),
        (7, None, b, 3),
        (8, '{"n":[]}', b, 4),
    ]


def test_replay_again_takes_in_nothing(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))
    replay_and_prove(loose(local))

    again = replay_and_prove(loose(local))

    assert (again.open, again.taken_in, sum(again.still_refused.values())) == (3, 0, 3)
    assert ids(loose(local)) == [1, 2, 4, 5, 7, 8]


def test_replay_without_anything_to_replay_makes_no_batch(store: Store) -> None:
    land(store, "a.ndjson", b'{"id": 1}')
    run_and_prove(strict(store))

    summary = replay_and_prove(loose(store))

    assert (summary.open, summary.batches) == (0, ())
    assert run_and_prove(strict(store)).batches == ()


def test_replay_of_a_pipeline_that_never_ran_does_nothing(store: Store) -> None:
    assert replay_and_prove(strict(store)).as_dict() == {
        "pipeline": "events", "open": 0, "taken_in": 0, "still_refused": {}, "dropped": 0, "duplicates": 0,
        "not_replayable": 0, "batches": (),
    }  # fmt: skip


def test_replay_after_a_column_was_widened_takes_in_what_was_out_of_range(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": 3000000000}', b'{"id": 2, "n": 5}')
    run_and_prove(a_pipeline(local, {"id": "int64!", "n": "int32"}))
    wide = a_pipeline(local, {"id": "int64!", "n": "int64"})

    assert replay_and_prove(wide).taken_in == 1

    assert table(wide).sort("id")["n"].to_list() == [3_000_000_000, 5]


def test_replay_does_not_read_the_landing_zone(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))
    for name in ("a", "b"):
        local.remove(f"landing/{name}.ndjson")

    assert replay_and_prove(loose(local)).taken_in == 3


def test_replay_leaves_what_has_landed_since_to_the_next_run(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))
    land(local, "c.ndjson", b'{"id": 9, "n": "x"}')

    assert replay_and_prove(loose(local)).taken_in == 3

    (run,) = run_and_prove(loose(local)).batches
    assert (run.batch, run.records_read) == (5, 1)
    assert ids(loose(local)) == [1, 2, 4, 5, 7, 8, 9]


def test_replay_counts_what_expectations_drop_and_duplicates_by_key(local: Store) -> None:
    land(local, "a.ndjson", *(b'{"id": %d, "n": "x"}' % number for number in (1, 1, 2, 3)), b"bad")
    keyed = {"table": {"key": ["id"]}}
    run_and_prove(strict(local, **keyed))
    check = {"name": "small", "expect": "id < 3", "action": "drop"}

    summary = replay_and_prove(loose(local, expectations=[check], **keyed))

    assert (summary.taken_in, summary.dropped, summary.duplicates) == (2, 1, 1)
    assert ids(loose(local)) == [1, 2]
    assert raws(loose(local)) == [b"bad"]


def test_replay_refuses_by_the_expectations_of_today(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1}', b'{"id": 2}')
    check = {"name": "big", "expect": "id > 5", "action": "quarantine"}
    run_and_prove(strict(local, expectations=[check]))

    other = {"name": "even", "expect": "id % 2 = 0", "action": "quarantine"}
    assert replay_and_prove(strict(local, expectations=[other])).still_refused == {"expectation:even": 1}
    assert replay_and_prove(strict(local)).taken_in == 1

    assert ids(strict(local)) == [1, 2]


def test_replay_of_what_cannot_be_a_record_says_so(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": "' + b"x" * 2**20 + b'"}', b'{"id": 2, "n": "x"}')
    small = Settings(threads=2, max_record_bytes=2**16, memory_bytes=2**22)
    run_and_prove(strict(local), small)

    summary = replay_and_prove(loose(local), small)

    assert (summary.open, summary.taken_in, summary.not_replayable) == (2, 1, 1)
    assert status(loose(local)).quarantined == {"record_too_long": 1}


def test_replay_rows_that_no_partition_holds_are_quarantined_as_in_a_run(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "n": "x"}')
    step = [{"sql": f"select *, '{'x' * 2000}' as kind from self"}]
    options = {"transforms": step, "table": {"partition_by": ["kind"]}}
    run_and_prove(strict(local, **options))

    summary = replay_and_prove(loose(local, **options))

    assert summary.taken_in == 1
    assert reasons(loose(local)) == [("unstorable_partition_value", None)]
    again = replay_and_prove(loose(local, **options))
    assert (again.open, again.not_replayable, again.batches) == (1, 1, ())


def test_replay_records_of_many_spans_and_files_are_each_taken_once(local: Store) -> None:
    for number in range(4):
        lines = [b'{"id": %d, "n": "%s"}' % (1000 * number + one, b"x" * 50) for one in range(1000)]
        land(local, f"{number}.ndjson", *lines)
    pipeline = a_pipeline(local, COLUMNS, source={"max_files_per_batch": 2}, lineage=True)
    run_and_prove(pipeline)
    low = Settings(threads=2, memory_bytes=2**17)

    summary = replay_and_prove(
        a_pipeline(local, COLUMNS, contract={"on_mismatch": "rescue"}, lineage=True), low
    )

    assert [one.files for one in summary.batches] == [4]
    rows = table(pipeline).sort("id")
    assert rows["id"].to_list() == list(range(4000))
    assert rows[RECORD].to_list() == [*range(1, 1001)] * 4


def test_replay_limits_of_a_batch_hold_for_records(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))

    batches = replay_and_prove(loose(local, source={"max_bytes_per_batch": 1})).batches

    assert [(one.batch, one.files) for one in batches] == [(3, 1), (4, 1)]


def test_replay_of_the_same_path_landed_twice_keeps_the_records_apart(local: Store) -> None:
    for second in range(2):
        land(local, "a.ndjson", *[b'{"id": %d, "n": "x"}' % second] * (second + 1))
        run_and_prove(strict(local))
    pipeline = a_pipeline(local, COLUMNS, contract={"on_mismatch": "rescue"}, lineage=True)

    assert [one.files for one in replay_and_prove(pipeline).batches] == [2]

    assert ids(pipeline) == [0, 1, 1]


def assert_all_arrived_once(store: Store) -> None:
    assert proof_of(loose(store)).violations == ()
    assert ids(loose(store)) == [1, 2, 4, 5, 7, 8]
    assert raws(loose(store)) == [b"bad", b'{"id": "no"}', b"\xff\xfe"]


@pytest.mark.parametrize("finished_by", ["replay", "run"])
@pytest.mark.parametrize("number", [3, pytest.param(4, marks=pytest.mark.long)])
@pytest.mark.parametrize("point", POINTS)
def test_replay_after_a_kill_takes_up_the_batch(
    local: Store, point: str, number: int, finished_by: str
) -> None:
    assert_survives_a_kill(local, point, number, finished_by)


@pytest.mark.s3
@pytest.mark.parametrize("point", POINTS[-1:])
def test_replay_after_a_kill_on_s3_takes_up_the_batch(s3: Store, point: str) -> None:
    assert_survives_a_kill(s3, point, 3, "replay")


def assert_survives_a_kill(store: Store, point: str, number: int, finished_by: str) -> None:
    land_two(store)
    run_and_prove(strict(store))
    killed("pipelines.dying_run", loose(store).model_dump_json(by_alias=True), point, str(number), "replay")
    assert proof_of(loose(store)).ok

    if finished_by == "run":
        run_and_prove(loose(store))
    replay_and_prove(loose(store))

    assert_all_arrived_once(store)


def test_replay_after_a_kill_under_another_contract_takes_in_what_fits_that_one(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))
    killed(
        "pipelines.dying_run",
        loose(local).model_dump_json(by_alias=True),
        "quarantine committed",
        "3",
        "replay",
    )

    assert replay_and_prove(strict(local)).taken_in == 0

    assert ids(strict(local)) == [1, 4, 7]
    assert len(raws(strict(local))) == 6


def test_replay_where_a_run_died_finishes_its_batch_first(local: Store) -> None:
    land_two(local)
    assert plan_batch(strict(local)) is not None

    summary = replay_and_prove(strict(local))

    assert [(one.batch, one.records_read) for one in summary.batches] == [(1, 5), (2, 3)]
    assert (summary.open, summary.taken_in) == (3, 0)


@pytest.mark.parametrize("others", [["replay"], pytest.param([], marks=pytest.mark.long)])
def test_replay_of_three_processes_at_once_doubles_and_loses_nothing(
    store: Store, tmp_path: Path, others: list[str]
) -> None:
    land_two(store)
    run_and_prove(strict(store))
    land(store, "c.ndjson", b'{"id": 9}')
    spec, begin = loose(store).model_dump_json(by_alias=True), tmp_path / "begin"
    steps = [["replay"], others, others]
    racing = [start("pipelines.racing_run", spec, str(begin), *step) for step in steps]
    begin.touch()

    ended = [one.ended() for one in racing]

    assert {status for status, _ in ended} <= {0, FASTER}, ended
    run_and_prove(loose(store))
    replay_and_prove(loose(store))
    assert ids(loose(store)) == [1, 2, 4, 5, 7, 8, 9]
    assert raws(loose(store)) == [b"bad", b'{"id": "no"}', b"\xff\xfe"]


def test_replay_overtaken_by_a_run_says_so(local: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    land_two(local)
    run_and_prove(strict(local))
    land(local, "c.ndjson", b'{"id": 9}')
    commit = commit_batch

    def late(*arguments: Any) -> int:
        with monkeypatch.context() as original:
            original.setattr("pipelines.run.commit_batch", commit)
            run(loose(local), SETTINGS)
        return commit(*arguments)

    monkeypatch.setattr("pipelines.run.commit_batch", late)
    with pytest.raises(ConcurrentRunError, match="nothing is lost"):
        replay(loose(local), SETTINGS)
    monkeypatch.undo()

    replay_and_prove(loose(local))
    assert ids(loose(local)) == [1, 2, 4, 5, 7, 8, 9]


def test_replay_of_records_that_are_there_twice_refuses(local: Store) -> None:
    land_two(local)
    run_and_prove(strict(local))
    uri = quarantine_uri(strict(local).table.uri)
    write_deltalake(uri, DeltaTable(uri).to_pyarrow_table().slice(0, 1), mode="append")

    with pytest.raises(TableError, match="twice"):
        replay(loose(local), SETTINGS)


RECORDS = st.sampled_from(
    [b'{"id": %d}', b'{"id": %d, "n": 1}', b'{"id": %d, "n": "x"}', b'{"id": %d, "n": 3000000000}',
     b'{"id": %d, "n": 1.5}', b'{"id": "%d"}', b'{"id": %d, "more": {}}', b"bad %d", b'{"id": %d, \xff}']
)  # fmt: skip
CONTRACTS = st.fixed_dictionaries(
    {
        "on_mismatch": st.sampled_from(["quarantine", "rescue"]),
        "on_new_column": st.sampled_from(["rescue"]),
    }
)
CHECKS = st.lists(
    st.sampled_from(
        [
            {"name": "even", "expect": "id % 2 = 0", "action": "quarantine"},
            {"name": "known", "expect": "n is not null", "action": "quarantine"},
        ]
    ),
    unique_by=lambda one: one["name"],
    max_size=2,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["land", "replay", "replay"]), CONTRACTS, CHECKS, st.lists(RECORDS, max_size=6)
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(steps=STEPS)
def test_replay_under_any_contracts_keeps_each_record_in_exactly_one_place(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    store = Store(str(tmp_path_factory.mktemp("replay")))
    land(store, "_nothing")
    landed: set[tuple[str, int]] = set()
    pipeline = strict(store)
    for number, (step, contract, checks, records) in enumerate(steps):
        pipeline = strict(store, contract=contract, expectations=checks)
        if step == "land":
            path = land(
                store, f"{number}.ndjson", *(one % (10 * number + at) for at, one in enumerate(records))
            )
            landed |= {(path, at + 1) for at in range(len(records))}
            run_and_prove(pipeline)
        else:
            replay_and_prove(pipeline)

    held = [] if not landed else [
        *(table(pipeline).select(FILE, RECORD).rows() if open_table(pipeline.table.uri) else []),
        *refused(pipeline).select("path", "record").rows(),
    ]  # fmt: skip
    assert len(held) == len(landed)
    assert set(held) == landed

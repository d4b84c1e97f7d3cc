"""A batch from landed lines to rows: expectations, keys, lineage, steps, modes, and every column type."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from config.settings import Settings
from pipelines.run import run
from storage.delta import batch_commits
from storage.errors import TableSchemaError
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    event,
    events,
    ids,
    land,
    proof_of,
    raws,
    reasons,
    refused,
    run_and_prove,
    table,
)
from transforms.errors import ExpectationError, ExpectationFailedError, RecordRefusedError, StepError


def counts_of(pipeline: Any, number: int = 1) -> dict[str, Any]:
    """The counts in the commit of a batch."""
    commits = {one.batch: one.metadata for one in batch_commits(DeltaTable(pipeline.table.uri))}
    return dict(commits[number])


EXPECTATION = {"name": "even", "expect": "id % 2 = 0"}


@pytest.mark.parametrize(
    ("action", "kept", "quarantined", "dropped"),
    [("warn", [0, 1, 2, 3, 4], 0, 0), ("drop", [0, 2, 4], 0, 2), ("quarantine", [0, 2, 4], 2, 0)],
)
def test_run_expectation_does_what_its_action_says(
    local: Store, action: str, kept: list[int], quarantined: int, dropped: int
) -> None:
    path = land(local, "a.ndjson", *events(0, 5))
    pipeline = a_pipeline(local, expectations=[{**EXPECTATION, "action": action}])

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == kept
    assert (batch.rows_quarantined, batch.rows_dropped) == (quarantined, dropped)
    assert counts_of(pipeline)["files"]["unmet"] == {"even": 2}
    if action == "quarantine":
        assert refused(pipeline).select("path", "record", "reason", "raw").rows() == [
            (path, 2, "expectation:even", event(1)),
            (path, 4, "expectation:even", event(3)),
        ]


def test_run_expectation_that_fails_the_batch_commits_nothing(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 5), b"bad")
    pipeline = a_pipeline(local, expectations=[{**EXPECTATION, "action": "fail"}])

    with pytest.raises(ExpectationFailedError, match="even"):
        run(pipeline, SETTINGS)

    assert DeltaTable.is_deltatable(pipeline.table.uri) is False
    assert refused(pipeline).is_empty()
    assert list(Path(local.uri).rglob("lake/events/**/*.parquet")) == []
    corrected = a_pipeline(local, expectations=[{**EXPECTATION, "action": "drop"}])
    run_and_prove(corrected)
    assert ids(corrected) == [0, 2, 4]


def test_run_expectation_on_null_is_not_met(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1}', b'{"id": 2, "kind": "x"}')
    pipeline = a_pipeline(local, expectations=[{"name": "known", "expect": "kind <> ''", "action": "drop"}])

    run_and_prove(pipeline)

    assert ids(pipeline) == [2]


def test_run_record_that_fails_two_expectations_counts_once(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 10))
    pipeline = a_pipeline(
        local,
        expectations=[
            {"name": "even", "expect": "id % 2 = 0", "action": "quarantine"},
            {"name": "small", "expect": "id < 5", "action": "drop"},
            {"name": "tiny", "expect": "id < 2", "action": "warn"},
        ],
    )

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == [0, 2, 4]
    assert (batch.rows_quarantined, batch.rows_dropped) == (5, 2)
    assert counts_of(pipeline)["files"]["unmet"] == {"even": 5, "small": 2, "tiny": 2}


@pytest.mark.parametrize("expect", ["nobody = 1", "id + 1", "id ="])
def test_run_expectation_that_is_none_is_refused_before_anything_is_read(local: Store, expect: str) -> None:
    land(local, "a.ndjson", event(1))
    pipeline = a_pipeline(local, expectations=[{"name": "odd", "expect": expect, "action": "drop"}])

    with pytest.raises(ExpectationError, match="odd"):
        run(pipeline, SETTINGS)


def test_run_duplicate_keys_keep_the_first_across_files_and_count_by_file(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "kind": "first"}', b'{"id": 2}', b'{"id": 1, "kind": "again"}')
    land(local, "b.ndjson", b'{"id": 2, "kind": "late"}', b'{"id": 3}', b"bad", b'{"id": 1}')
    pipeline = a_pipeline(local, table={"key": ["id"]})

    (batch,) = run_and_prove(pipeline).batches

    assert dict(table(pipeline).select("id", "kind").iter_rows()) == {1: "first", 2: None, 3: None}
    assert (batch.rows_written, batch.rows_duplicate, batch.rows_quarantined) == (3, 3, 1)
    assert counts_of(pipeline)["files"]["duplicates"] == [1, 2]


def test_run_key_of_several_parts_tells_rows_apart(local: Store) -> None:
    lines = [b'{"id": 1, "actor": {"id": %d}}' % actor for actor in (1, 2, 1, 2, 3)]
    land(local, "a.ndjson", *lines)
    columns = {"id": "int64!", "actor": {"type": {"id": "int64!"}, "required": True}}
    pipeline = a_pipeline(local, columns, table={"key": ["id", "actor.id"]})

    (batch,) = run_and_prove(pipeline).batches

    assert (batch.rows_written, batch.rows_duplicate) == (3, 2)


def test_run_key_is_for_one_batch_only(local: Store) -> None:
    land(local, "a.ndjson", event(1))
    land(local, "b.ndjson", event(1))
    pipeline = a_pipeline(local, source={"max_files_per_batch": 1}, table={"key": ["id"]})

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 1]


@pytest.mark.parametrize(
    ("sql", "rows"), [("select * from self limit 10", 10), ("select * from self where false", 0)]
)
@pytest.mark.parametrize("key", [[], ["id"]], ids=["no key", "key"])
def test_run_step_that_needs_no_more_rows_still_accounts_for_every_record(
    local: Store, sql: str, rows: int, key: list[str]
) -> None:
    for number in range(4):
        land(local, f"{number}.ndjson", *events(0, 20_000), b"bad")
    pipeline = a_pipeline(local, table={"key": key}, transforms=[{"sql": sql}])

    (batch,) = run_and_prove(pipeline, Settings(threads=2, memory_bytes=2**22)).batches

    assert (batch.records_read, batch.rows_written, batch.rows_quarantined) == (80_004, rows, 4)
    assert batch.rows_duplicate == (60_000 if key else 0)
    assert counts_of(pipeline)["steps"] == {"accepted": 20_000 if key else 80_000, "1 sql": rows}


def test_run_lineage_names_file_and_line_of_each_row(store: Store) -> None:
    first = land(store, "a.ndjson", event(1), b"", b"bad", event(4))
    second = land(store, "b.ndjson", b"", b"\r", event(3))
    store.put("landing/c.ndjson", b"\xef\xbb\xbf" + event(1) + b"\r\n" + event(2))
    pipeline = a_pipeline(store, lineage=True)

    run_and_prove(pipeline)

    found = table(pipeline).select("_file", "_record", "id").sort("_file", "_record").rows()
    assert found == [
        (first, 1, 1), (first, 4, 4), (second, 3, 3),
        (store.at("landing/c.ndjson"), 1, 1), (store.at("landing/c.ndjson"), 2, 2),
    ]  # fmt: skip


def test_run_steps_in_their_order_and_counts_rows_behind_each(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 10), b'{"id": 10, "kind": "view"}')
    steps = "tests.pipelines.steps"
    pipeline = a_pipeline(
        local,
        transforms=[
            {"use": f"{steps}:keep_kinds", "with": {"kinds": ["click"]}},
            {"sql": "select id, kind, id * 2 as twice from self where id >= 4"},
            {"use": f"{steps}:add", "with": {"name": "one"}},
            {"sql": "select *, twice + one as odd from self"},
        ],
    )

    run_and_prove(pipeline)

    assert table(pipeline).columns == ["id", "kind", "twice", "one", "odd"]
    assert table(pipeline)["odd"].to_list() == [9, 11, 13, 15, 17, 19]
    assert counts_of(pipeline)["steps"] == {
        "accepted": 11, f"1 {steps}:keep_kinds": 10, "2 sql": 6, f"3 {steps}:add": 6, "4 sql": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select kind, count(*) as n from self group by kind", 1),
        ("select * from self order by id desc limit 3", 3),
        ("select a.id, b.kind from self a join self b on a.id = b.id", 20_000),
        ("select id from self union all select id from self", 40_000),
        ("select * from self where false", 0),
    ],
)
def test_run_step_over_the_whole_batch_is_proved_all_the_same(local: Store, sql: str, rows: int) -> None:
    land(local, "a.ndjson", *events(0, 10_000))
    land(local, "b.ndjson", *events(10_000, 20_000))

    (batch,) = run_and_prove(a_pipeline(local, transforms=[{"sql": sql}])).batches

    assert (batch.records_read, batch.rows_written) == (20_000, rows)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"sql": "selec * from self"}, "transform 1 sql"),
        ({"sql": "select nobody from self"}, "transform 1 sql .*(.|\n)*nobody(.|\n)*self\\(id, kind"),
        ({"sql": "select * from others"}, "transform 1 sql"),
        ({"use": "tests.pipelines.steps:nobody"}, "tests.pipelines.steps:nobody"),
        ({"use": "no_such_module:nobody"}, "no_such_module"),
        ({"use": "tests.pipelines.steps:NOT_A_FUNCTION"}, "NOT_A_FUNCTION"),
        ({"use": "tests.pipelines.steps:add"}, "name"),
        ({"use": "tests.pipelines.steps:add", "with": {"name": "x", "oops": 1}}, "oops"),
        ({"use": "tests.pipelines.steps:fail"}, "no luck with LazyFrame"),
        ({"use": "tests.pipelines.steps:collect"}, "LazyFrame"),
        ({"use": "tests.pipelines.steps:fail_on_rows"}, "click"),
    ],
)
def test_run_step_that_cannot_work_says_which_and_why(local: Store, step: dict[str, Any], said: str) -> None:
    land(local, "a.ndjson", *events(0, 3))
    pipeline = a_pipeline(local, transforms=[step])

    with pytest.raises(StepError, match=said):
        run(pipeline, SETTINGS)

    assert proof_of(pipeline).ok
    run_and_prove(a_pipeline(local))
    assert ids(a_pipeline(local)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("on_mismatch", "on_new_column", "columns", "rescued", "kept_back"),
    [
        ("quarantine", "rescue", ["id", "n", "_rescued"], {1: None, 3: '{"new":[1.0]}'}, 1),
        ("quarantine", "ignore", ["id", "n"], None, 1),
        ("rescue", "rescue", ["id", "n", "_rescued"], {1: None, 2: '{"n":1.5}', 3: '{"new":[1.0]}'}, 0),
        ("rescue", "ignore", ["id", "n", "_rescued"], {1: None, 2: '{"n":1.5}', 3: None}, 0),
    ],
)
def test_run_modes_decide_what_becomes_of_what_does_not_fit(
    local: Store, on_mismatch: str, on_new_column: str, columns: list[str],
    rescued: dict[int, str | None] | None, kept_back: int,
) -> None:  # fmt: skip
    land(
        local,
        "a.ndjson",
        b'{"id": 1, "n": 7}',
        b'{"id": 2, "n": 1.5}',
        b'{"id": 3, "new":[1.0]}',
        b'{"n": 1}',
    )
    contract = {"on_mismatch": on_mismatch, "on_new_column": on_new_column}
    pipeline = a_pipeline(local, {"id": "int64!", "n": "int64"}, contract=contract)

    run_and_prove(pipeline)

    assert table(pipeline).columns == columns
    assert reasons(pipeline) == [("type_mismatch", "n")] * kept_back + [("missing_required", "id")]
    if rescued is not None:
        assert dict(table(pipeline).select("id", "_rescued").iter_rows()) == rescued


@pytest.mark.parametrize(
    ("contract", "line", "column"),
    [
        ({"on_mismatch": "fail"}, b'{"id": 2, "kind": 5}', "kind"),
        ({"on_mismatch": "fail"}, b'{"kind": "x"}', "id"),
        ({"on_new_column": "fail"}, b'{"id": 2, "new": 5}', "new"),
        ({"on_new_column": "fail"}, b'{"id": 2, "actor": {"new": 5}}', "actor"),
    ],
)
def test_run_fail_modes_name_the_column_and_commit_nothing(
    local: Store, contract: dict[str, Any], line: bytes, column: str
) -> None:
    land(local, "a.ndjson", event(1), line)

    with pytest.raises(RecordRefusedError, match=column):
        run(a_pipeline(local, contract=contract), SETTINGS)

    run_and_prove(a_pipeline(local))


def test_run_fail_mode_still_quarantines_what_is_no_record(local: Store) -> None:
    land(local, "a.ndjson", event(1), b"bad", b"[]")
    pipeline = a_pipeline(local, contract={"on_mismatch": "fail", "on_new_column": "fail"})

    run_and_prove(pipeline)

    assert (ids(pipeline), raws(pipeline)) == ([1], [b"bad", b"[]"])


def test_run_contract_that_the_table_does_not_have_is_refused_and_nothing_is_lost(local: Store) -> None:
    land(local, "a.ndjson", event(1))
    run_and_prove(a_pipeline(local))
    land(local, "b.ndjson", event(2))

    with pytest.raises(TableSchemaError, match="kind"):
        run(a_pipeline(local, {"id": "int64!", "kind": "int64"}), SETTINGS)

    run_and_prove(a_pipeline(local))
    assert ids(a_pipeline(local)) == [1, 2]


EVERY_TYPE: dict[str, tuple[Any, str, Any]] = {
    "bool": ("bool", "true", True),
    "int8": ("int8", "-128", -128),
    "int16": ("int16", "32767", 32767),
    "int32": ("int32", "-2147483648", -(2**31)),
    "int64": ("int64", "9223372036854775807", 2**63 - 1),
    "uint8": ("uint8", "255", 255),
    "uint16": ("uint16", "65535", 65535),
    "uint32": ("uint32", "4294967295", 2**32 - 1),
    "uint64": ("uint64", "18446744073709551615", Decimal(2**64 - 1)),
    "float32": ("float32", "1.5", 1.5),
    "float64": ("float64", "-1e-300", -1e-300),
    "decimal": ("decimal(38,2)", "-123456789012345678901234567890123456.78",
                Decimal("-123456789012345678901234567890123456.78")),
    "string": ("string", '"a\\u0000\\ud83d\\ude00\\n"', "a\x00😀\n"),
    "json": ("json", '{"a": [1.0, null, "\\u0041"]}', '{"a": [1.0, null, "\\u0041"]}'),
    "date": ("date", '"1582-10-15"', date(1582, 10, 15)),
    "seconds": ("timestamp[s, UTC]", '"1969-12-31T23:59:59Z"',
                datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "micros": ("timestamp[us, Europe/Berlin]", '"2026-07-01T12:00:00.000001+02:00"',
               datetime(2026, 7, 1, 10, 0, 0, 1, tzinfo=UTC)),
    "wall": ("timestamp[ms]", '"2026-07-01T12:00:00.001"', datetime.fromisoformat("2026-07-01T12:00:00.001")),
    "list": (["int64!"], "[1, 2]", [1, 2]),
    "lists": ([["string"]], '[[], ["a", null], null]', [[], ["a", None], None]),
    "struct": ({"a": "int64", "b": {"c": "string"}}, '{"a": 1, "b": {"c": "x"}}', {"a": 1, "b": {"c": "x"}}),
    "structs": ([{"a": "int64"}], '[{"a": 1}, {}, null]', [{"a": 1}, {"a": None}, None]),
}  # fmt: skip


def test_run_every_column_type_comes_back_as_it_was(store: Store) -> None:
    full = "{" + ", ".join(f'"{name}": {text}' for name, (_, text, _) in EVERY_TYPE.items()) + "}"
    land(store, "a.ndjson", full.encode(), b"{}")
    pipeline = a_pipeline(store, {name: kind for name, (kind, _, _) in EVERY_TYPE.items()})

    run_and_prove(pipeline)

    rows = table(pipeline).drop("_rescued").sort("int64", nulls_last=True).to_dicts()
    assert rows == [{name: value for name, (_, _, value) in EVERY_TYPE.items()}, dict.fromkeys(EVERY_TYPE)]
    assert refused(pipeline).is_empty()


def test_run_makes_no_python_object_for_a_row(local: Store) -> None:
    few, many = most_blocks(local, 10_000), most_blocks(local, 200_000)
    objects = most_blocks(local, 200_000, transforms=[{"use": "tests.pipelines.steps:make_objects"}])

    assert many - few < 10_000
    assert objects - few > 150_000  # the measure sees them where there are some


def most_blocks(store: Store, records: int, **options: Any) -> int:
    """The most memory blocks of Python objects that a run over so many records adds, sampled all the time."""
    name = f"{records}-{len(options)}"
    land(store, f"{name}/a.ndjson", *events(0, records), *[b"bad"] * (records // 100))
    pipeline = a_pipeline(
        store,
        source={"uri": store.at(f"landing/{name}")},
        table={
            "uri": store.at(f"lake/{name}"),
            "key": ["id"],
            "partition_by": ["kind"],
            "sort_by": ["actor.id"],
        },
        expectations=[{"name": "known", "expect": "id % 1000 <> 0", "action": "quarantine"}],
        lineage=True,
        **options,
    )
    return most_while(lambda: run(pipeline, SETTINGS))


def most_while(work: Callable[[], object]) -> int:
    before, most, done = sys.getallocatedblocks(), 0, threading.Event()

    def sample() -> None:
        nonlocal most
        while not done.wait(0.0005):
            most = max(most, sys.getallocatedblocks())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        work()
    finally:
        done.set()
        sampler.join()
    return most - before

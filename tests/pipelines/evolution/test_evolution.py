"""Tables that grow with their records and their contracts: nothing is lost, and nothing doubled."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from config.pipeline import Pipeline
from pipelines import growth
from pipelines.batch import writing
from pipelines.batch.writing import write_once
from pipelines.reports.history import history
from pipelines.run import run
from pipelines.written_batch import PlannedBatch
from storage.errors import TableSchemaError
from storage.tables.delta import open_table
from storage.tables.schema.evolution import evolved, marks_of
from tests import processes
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    ids,
    land,
    proof_of,
    reasons,
    run_and_prove,
    table,
)

ADD = {"on_new_column": "add"}
NEW = (
    b'{"id": 2, "b": true, "i": 7, "f": 0.5, "s": "x", "t": "2026-01-01T00:00:00.000001Z", '
    b'"d": "2026-01-02", "o": {"z": [1]}, "l": [1], "n": null, '
    b'"big": 9223372036854775808, "wall": "2026-01-01T00:00:00", '
    b'"no name": 1, "_file": "f", "ID": 5, "actor": {"id": 1, "new": 2}}'
)


def adding(store: Store, columns: dict[str, Any] | None = None, **options: Any) -> Pipeline:
    contract = {**ADD, **options.pop("contract", {})}
    return a_pipeline(store, columns or {"id": "int64!"}, contract=contract, **options)


def rescued(pipeline: Pipeline) -> list[Any]:
    texts = table(pipeline).sort("id")["_rescued"]
    return [json.loads(text) if text else None for text in texts]


def operations(pipeline: Pipeline) -> list[str]:
    return [one.operation for one in history(pipeline.table.uri)][::-1]


def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by the number of the batch with each pass over one."""
    seen: list[int] = []
    once = write_once

    def counting(growth: Any, planned: PlannedBatch, *rest: Any) -> Any:
        seen.append(planned.number)
        return once(growth, planned, *rest)

    monkeypatch.setattr(writing, "write_once", counting)
    return seen


def test_run_gives_new_fields_columns_of_the_types_that_their_values_tell(store: Store) -> None:
    pipeline = adding(store, {"id": "int64!", "actor": {"id": "int64"}})
    land(store, "a.ndjson", b'{"id": 1}')
    run_and_prove(pipeline)
    land(store, "b.ndjson", NEW)

    run_and_prove(pipeline)

    row = table(pipeline).filter(id=2).drop("id", "_rescued").row(0, named=True)
    assert row == {
        "actor": {"id": 1},
        "b": True,
        "i": 7,
        "f": 0.5,
        "s": "x",
        "t": dt.datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=dt.UTC),
        "d": dt.date(2026, 1, 2),
        "o": '{"z": [1]}',
        "l": "[1]",
        "big": "9223372036854775808",
        "wall": "2026-01-01T00:00:00",
    }
    assert rescued(pipeline)[1] == {"n": None, "no name": 1, "_file": "f", "ID": 5, "actor.new": 2}
    assert operations(pipeline) == ["CREATE TABLE", "SET TBLPROPERTIES", "ADD COLUMN", "WRITE"]


def test_run_remembers_added_columns_without_asking_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = passes(monkeypatch)
    pipeline = adding(store, source={"max_files_per_batch": 1})
    for number in range(3):
        land(store, f"{number}.ndjson", b'{"id": %d, "x": 1, "o": {"a": %d}}' % (number, number))
    land(store, "3.ndjson", b'{"id": 3, "x": 1.5}', b'{"id": 4, "x": 1, "y": 2}')

    run_and_prove(pipeline)

    assert seen == [1, 1, 2, 3, 4, 4]
    assert table(pipeline).sort("id").drop("_rescued").to_dict(as_series=False) == {
        "id": [0, 1, 2, 4],
        "x": [1, 1, 1, 1],
        "o": ['{"a": 0}', '{"a": 1}', '{"a": 2}', None],
        "y": [None, None, None, 2],
    }
    assert reasons(pipeline) == [("type_mismatch", "x")]
    assert marks_of(open_table(pipeline.table.uri)) == {"x": "int64", "o": "json", "y": "int64"}


def test_run_rescues_a_later_value_of_another_type_where_it_is_told_to(local: Store) -> None:
    pipeline = adding(local, contract={"on_mismatch": "rescue"}, source={"max_files_per_batch": 1})
    land(local, "a.ndjson", b'{"id": 1, "x": 1}')
    land(local, "b.ndjson", b'{"id": 2, "x": "one"}')

    run_and_prove(pipeline)

    assert table(pipeline).sort("id")["x"].to_list() == [1, None]
    assert rescued(pipeline) == [None, {"x": "one"}]


def test_run_writes_again_until_nothing_is_new(local: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "MOST_RECORDS", 2)
    seen = passes(monkeypatch)
    pipeline = adding(local)
    land(local, "a.ndjson", *(b'{"id": %d, "x%d": 1}' % (number, number // 2) for number in range(6)))

    run_and_prove(pipeline)

    assert seen == [1, 1, 1, 1]
    assert table(pipeline).columns == ["id", "x0", "x1", "x2", "_rescued"]
    assert rescued(pipeline) == [None] * 6


def test_run_adds_no_more_columns_than_a_table_should_have(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "MOST_ADDED", 2)
    pipeline = adding(local)
    land(local, "a.ndjson", b'{"id": 1, "a": 1, "b": 2, "c": 3}')

    run_and_prove(pipeline)

    assert table(pipeline).columns == ["id", "a", "b", "_rescued"]
    assert rescued(pipeline) == [{"c": 3}]


@pytest.mark.parametrize(
    ("step", "columns", "left"),
    [
        ("select * from self", ["id", "x", "y", "_rescued"], None),
        ("select id, _rescued from self", ["id", "_rescued"], {"x": 1, "y": 2}),
        ("select *, id + 1 as x from self", ["id", "y", "_rescued", "x"], {"x": 1}),
        ("select id, 5 as x, _rescued from self", ["id", "x", "_rescued"], {"x": 1, "y": 2}),
    ],
)
def test_run_adds_only_what_the_transforms_hand_on(
    local: Store, step: str, columns: list[str], left: dict[str, int] | None
) -> None:
    pipeline = adding(local, transforms=[{"sql": step}])
    land(local, "a.ndjson", b'{"id": 1}')
    run_and_prove(pipeline)
    land(local, "b.ndjson", b'{"id": 2, "x": 1, "y": 2}')

    run_and_prove(pipeline)

    assert sorted(table(pipeline).columns) == sorted(columns)
    assert rescued(pipeline) == [None, left]


def test_run_takes_the_types_of_columns_that_others_made(store: Store) -> None:
    first = a_pipeline(store, {"id": "int64!", "x": "float64", "s": {"a": "int64"}}, contract=ADD, name="one")
    second = adding(store, name="two", source={"uri": store.at("other")})
    land(store, "a.ndjson", b'{"id": 1, "x": 1.5, "more": {"k": 1}}')
    run_and_prove(first)
    store.put("other/b.ndjson", b'{"id": 2, "x": 3, "s": {"a": 1}, "more": "text"}\n')

    run_and_prove(second)

    assert table(second).sort("id").drop("_rescued", "s").rows() == [(1, 1.5, '{"k": 1}'), (2, 3.0, '"text"')]
    assert rescued(second) == [None, {"s": {"a": 1}}]


@pytest.mark.parametrize(
    ("theirs", "x", "why"),
    [
        (b'"text"', ["text"], [("type_mismatch", "x")]),
        (b"2", [1, 2], []),
        (b'{"a": 1}', ["1", '{"a": 1}'], []),
    ],
)
def test_run_that_loses_the_race_for_a_column_takes_it_as_it_is(
    local: Store, monkeypatch: pytest.MonkeyPatch, theirs: bytes, x: list[Any], why: list[Any]
) -> None:
    one, other = adding(local), adding(local, name="other", source={"uri": local.at("other")})
    land(local, "a.ndjson", b'{"id": 1}')
    run_and_prove(one)
    land(local, "b.ndjson", b'{"id": 2, "x": 1}')
    local.put("other/a.ndjson", b'{"id": 3, "x": %s}\n' % theirs)

    def late(*args: Any, **options: Any) -> Any:
        monkeypatch.setattr("pipelines.growth.evolved", evolved)
        run(other, SETTINGS)
        return evolved(*args, **options)

    monkeypatch.setattr("pipelines.growth.evolved", late)

    run_and_prove(one)

    assert table(one).sort("id")["x"].drop_nulls().to_list() == x
    assert reasons(one) == why
    assert proof_of(other).violations == ()


def test_run_with_columns_added_to_the_contract_evolves_the_table(store: Store) -> None:
    land(store, "a.ndjson", b'{"id": 1}')
    run_and_prove(a_pipeline(store, {"id": "int64!"}))
    land(store, "b.ndjson", b'{"id": 2, "name": "n", "at": {"x": 1}}')
    wider = a_pipeline(store, {"at": {"x": "int64"}, "name": "string!", "id": "int64!"})

    run_and_prove(wider)

    found = table(wider).sort("id").select("id", "name", "at").rows()
    assert found == [(1, None, None), (2, "n", {"x": 1})]


@pytest.mark.parametrize(
    ("narrow", "wide", "value", "next_value", "stored"),
    [
        ("int32!", "int64", b"1", b"9000000000", [1, 9_000_000_000]),
        ("uint8", "uint64", b"255", b"18446744073709551615", [255, 2**64 - 1]),
        ("float32", "float64", b"0.5", b"0.1", [0.5, 0.1]),
        ("int16", "float64", b"7", b"0.1", [7.0, 0.1]),
        ("decimal(4,1)", "decimal(9,3)", b"1.5", b"123456.789", None),
        ("date", "timestamp[us, UTC]", b'"2026-01-02"', b'"2026-01-02T03:04:05Z"', None),
        (
            "timestamp[s, UTC]",
            "timestamp[us, UTC]",
            b'"2026-01-02T03:04:05Z"',
            b'"2026-01-02T03:04:05.000001Z"',
            None,
        ),
    ],
)
def test_run_with_a_wider_type_in_the_contract_evolves_the_table(
    local: Store, narrow: str, wide: str, value: bytes, next_value: bytes, stored: list[Any] | None
) -> None:
    land(local, "a.ndjson", b'{"id": 1, "v": %s}' % value)
    run_and_prove(a_pipeline(local, {"id": "int64!", "v": narrow}))
    land(local, "b.ndjson", b'{"id": 2, "v": %s}' % next_value)
    wider = a_pipeline(local, {"id": "int64!", "v": wide})

    run_and_prove(wider)

    found = table(wider).sort("id")["v"]
    assert found.null_count() == 0
    changed = [] if narrow.startswith("timestamp") else ["CHANGE COLUMN"]
    assert operations(wider) == ["CREATE TABLE", *changed, "WRITE"]
    assert stored is None or found.to_list() == stored


def test_run_with_a_narrower_type_is_refused_before_anything_is_written(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "v": 1}')
    run_and_prove(a_pipeline(local, {"id": "int64!", "v": "int64"}))
    land(local, "b.ndjson", b'{"id": 2, "v": 2}', b"bad")
    narrower = a_pipeline(local, {"id": "int64!", "v": "int32"})
    before = sorted(Path(local.uri).rglob("*.parquet"))

    with pytest.raises(TableSchemaError, match="keep the wider type in the contract"):
        run(narrower, SETTINGS)

    new = set(Path(local.uri).rglob("*.parquet")) - set(before)
    assert {path.parent.parent.name for path in new if "batch" in path.name} <= {"_penstock", "ledger"}
    run_and_prove(a_pipeline(local, {"id": "int64!", "v": "int64"}))
    assert ids(narrower) == [1, 2]


def killed(pipeline: Pipeline, point: str) -> None:
    processes.killed("pipelines.dying_evolution", pipeline.model_dump_json(), point)


@pytest.mark.parametrize("point", ["columns added", "before files are added"])
def test_run_after_a_kill_between_new_columns_and_their_rows_gives_the_same_rows(
    store: Store, point: str
) -> None:
    pipeline = adding(store)
    land(store, "a.ndjson", b'{"id": 1}')
    run_and_prove(pipeline)
    land(store, "b.ndjson", NEW, b'{"id": 3, "i": "no number"}')

    killed(pipeline, point)
    assert proof_of(pipeline).violations == ()
    assert ids(pipeline) == [1]
    run_and_prove(pipeline)

    whole = adding(store, name="whole", table={"uri": store.at("lake/whole")})
    run_and_prove(whole)
    columns = sorted(table(whole).columns)
    assert table(pipeline).sort("id").select(columns).equals(table(whole).sort("id").select(columns))
    assert reasons(pipeline) == []
    assert reasons(whole) == []


def test_run_after_a_kill_while_files_are_written_again_evolves_once_more(store: Store) -> None:
    land(store, "a.ndjson", b'{"id": 1, "v": 1}')
    run_and_prove(a_pipeline(store, {"id": "int64!", "v": "int32"}))
    land(store, "b.ndjson", b'{"id": 2, "v": 9000000000}')
    wider = a_pipeline(store, {"id": "int64!", "v": "int64", "w": "string"})

    killed(wider, "before files are added")
    assert table(wider)["v"].dtype == pl.Int32
    run_and_prove(wider)

    assert table(wider).sort("id").select("v", "w").rows() == [(1, None), (9_000_000_000, None)]
    assert proof_of(wider).violations == ()


def racing(*pipelines: Pipeline, start: Path) -> None:
    """Runs them in processes of their own, which begin together."""
    runs = [processes.start("pipelines.racing_run", one.model_dump_json(), str(start)) for one in pipelines]
    start.touch()
    assert [one.ended() for one in runs] == [(0, "")] * len(runs)


def two(store: Store, second: dict[str, Any]) -> list[Pipeline]:
    """Two pipelines from folders of their own into one table, a file a batch."""
    return [
        a_pipeline(
            store,
            {"id": "int64!"},
            name=name,
            source={"uri": store.at(name), "max_files_per_batch": 1},
            contract=contract,
        )
        for name, contract in (("one", ADD), ("two", second))
    ]


def land_new_fields(store: Store, name: str, files: int, first: int) -> None:
    for number in range(files):
        record = b'{"id": %d, "same%d": %d, "%s%d": "x"}' % (
            first + number, number, number, name.encode(), number,
        )  # fmt: skip
        store.put(f"{name}/{number:02}.ndjson", record + b"\n")


def test_two_pipelines_that_add_columns_to_one_table_both_arrive(store: Store, tmp_path: Path) -> None:
    files = 4 if store.is_remote else 12
    one, other = two(store, ADD)
    land_new_fields(store, "one", files, 0)
    land_new_fields(store, "two", files, 100)

    racing(one, other, start=tmp_path / "start")

    rows = table(one).sort("id")
    assert rows["id"].to_list() == [*range(files), *range(100, 100 + files)]
    for number in range(files):
        assert rows[f"same{number}"].drop_nulls().to_list() == [number, number]
        assert rows[f"one{number}"].count() == rows[f"two{number}"].count() == 1
    assert rows["_rescued"].null_count() == rows.height
    assert proof_of(one).violations == proof_of(other).violations == ()


def test_a_pipeline_that_adds_columns_beside_one_that_only_appends_both_arrive(
    store: Store, tmp_path: Path
) -> None:
    files = 4 if store.is_remote else 15
    one, other = two(store, {"on_new_column": "ignore"})
    land_new_fields(store, "one", files, 0)
    land_new_fields(store, "two", files, 100)

    racing(one, other, start=tmp_path / "start")

    rows = table(one).sort("id")
    assert rows["id"].to_list() == [*range(files), *range(100, 100 + files)]
    assert rows.filter(pl.col("id") >= 100).select(pl.exclude("id")).null_count().sum_horizontal()[0] == (
        files * (rows.width - 1)
    )
    assert proof_of(one).violations == proof_of(other).violations == ()


def test_a_pipeline_that_widens_a_column_beside_one_that_appends_both_arrive(
    local: Store, tmp_path: Path
) -> None:
    options = {"source": {"uri": local.at("two"), "max_files_per_batch": 1}}
    wide = a_pipeline(local, {"id": "int64!"}, name="two", **options)
    narrow = a_pipeline(local, {"id": "int64!", "v": "int32"}, name="one", source={"uri": local.at("one")})
    wider = a_pipeline(local, {"id": "int64!", "v": "int64"}, name="one", source={"uri": local.at("one")})
    local.put("one/a.ndjson", b'{"id": 1, "v": 1}\n')
    run(narrow, SETTINGS)
    local.put("one/b.ndjson", b'{"id": 2, "v": 9000000000}\n')
    for number in range(15):
        local.put(f"two/{number:02}.ndjson", b'{"id": %d}\n' % (100 + number))

    racing(wider, wide, start=tmp_path / "start")

    assert table(wider)["v"].sum() == 9_000_000_001
    assert ids(wider) == [1, 2, *range(100, 115)]
    assert proof_of(wider).violations == proof_of(wide).violations == ()

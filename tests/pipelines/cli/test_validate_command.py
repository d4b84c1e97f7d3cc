"""`penstock validate`: schemas, what transforms need, and everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.chains import bronze, follower, land_sales
from tests.pipelines.cli.calling import call, call_json, called, write_spec
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land

COLUMNS = {"id": "int64!", "kind": "string", "tags": ["string"], "at": "timestamp[us, UTC]!"}


def one(document: Any) -> Any:
    assert len(document["pipelines"]) == 1
    return document["pipelines"][0]


def wrong(path: Path) -> list[str]:
    """What is wrong with a file, which must end the command with status 2."""
    result = call("validate", path, "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert document["ok"] is False
    return [problem["what"] for problem in one(document)["problems"]]


def test_validate_prints_the_schema_of_the_table(store: Store, tmp_path: Path) -> None:
    step = {"sql": "select *, cast(at as date) as day, count(*) over (partition by kind) as n from self"}
    spec = write_spec(
        tmp_path,
        a_pipeline(store, COLUMNS, transforms=[step], table={"partition_by": ["day"]}, lineage=True),
    )

    found = one(call_json("validate", spec))

    assert (found["ok"], found["table_version"], found["problems"]) == (True, None, [])
    assert {column["name"]: column["type"] for column in found["schema"]} == {
        "id": "long",
        "kind": "string",
        "tags": "[string]",
        "at": "timestamp",
        "_rescued": "string",
        "_file": "string",
        "_record": "long",
        "day": "date",
        "n": "long",
    }
    assert [column["name"] for column in found["schema"] if column["partition"]] == ["day"]
    assert found["transforms"] == [{"name": "1 sql", "whole_batch": ["scalar-window"]}]


def test_validate_for_people_says_what_needs_the_whole_batch(local: Store, tmp_path: Path) -> None:
    steps = [{"sql": "select id, kind from self where id > 1"}, {"sql": "select * from self order by id"}]
    spec = write_spec(tmp_path, a_pipeline(local, transforms=steps, table={"key": ["id"]}))

    lines = called("validate", spec).splitlines()

    assert "transform 1 sql: row by row" in lines
    assert any(line.startswith("transform 2 sql: needs the whole batch (sort)") for line in lines)
    assert any(line.startswith("key id: ") for line in lines)
    assert lines[-1] == "ok"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            {"mode": "upsert", "key": ["id"], "order_by": ["kind"]},
            "upsert by id: of rows with one key the greatest kind stays",
        ),
        (
            {"mode": "insert_new", "key": ["id"]},
            "insert_new by id: of rows with one key the first one, ever, stays",
        ),
        ({"mode": "replace"}, "replace: a batch takes the place of all rows of the table"),
    ],
)
def test_validate_for_people_says_what_a_batch_does_to_the_rows(
    local: Store, tmp_path: Path, table: dict[str, Any], says: str
) -> None:
    spec = write_spec(tmp_path, a_pipeline(local, table=table))

    assert says in called("validate", spec).splitlines()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "engine dask: a batch is written in groups of files, by the workers of a cluster"),
        (
            {"transforms": [{"sql": "select * from self order by id"}]},
            "engine dask: a batch is written as a whole, by the flow: "
            "transform 1 sql looks beyond a row (sort)",
        ),
    ],
)
def test_validate_for_people_says_what_a_cluster_does(
    local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], says: str
) -> None:
    spec = write_spec(tmp_path, a_pipeline(local, **options))
    without = called("validate", spec).splitlines()

    monkeypatch.setenv("PENSTOCK_ENGINE", "dask")

    assert set(called("validate", spec).splitlines()) - set(without) == {says}


def test_validate_matches_the_schema_that_a_run_makes(taken_in_spec: Path) -> None:
    found = one(call_json("validate", taken_in_spec))

    assert (found["ok"], found["table_version"]) == (True, 1)


def test_validate_against_a_table_with_other_columns_is_wrong(taken_in_spec: Path, local: Store) -> None:
    other = a_pipeline(local, {"id": "string!", "kind": "string"}, table={"partition_by": ["kind"]})
    spec = write_spec(taken_in_spec.parent, other)

    assert wrong(spec) == ["the columns to write do not fit the table's"]


def test_validate_tells_what_the_next_run_changes_in_the_table(taken_in_spec: Path, local: Store) -> None:
    actor = {"id": "int64", "login": "string", "name": "string"}
    wider = a_pipeline(
        local, {"id": "decimal(20,0)!", "kind": "string", "actor": actor}, table={"partition_by": ["kind"]}
    )
    spec = write_spec(taken_in_spec.parent, wider)

    assert one(call_json("validate", spec))["evolution"] == {
        "added": {"actor.name": "string"},
        "widened": {"id": {"from": "long", "to": "decimal(20,0)"}},
        "writes_files_again": True,
    }
    shown = called("validate", spec)
    assert "the next run adds actor.name, string" in shown
    assert "the next run widens id from long to decimal(20,0)" in shown


def test_validate_tells_where_transforms_keep_new_fields_from_having_columns(
    local: Store, tmp_path: Path
) -> None:
    contract = {"on_new_column": "add"}
    step = {"sql": "select id, _rescued from self"}
    spec = write_spec(tmp_path, a_pipeline(local, contract=contract, transforms=[step]))

    assert "new fields stay in _rescued" in called("validate", spec)
    assert one(call_json("validate", spec))["adds_columns"] is False
    assert one(call_json("validate", write_spec(tmp_path, a_pipeline(local, contract=contract))))[
        "adds_columns"
    ]


def test_validate_against_a_table_with_other_partitions_is_wrong(taken_in_spec: Path, local: Store) -> None:
    assert wrong(write_spec(taken_in_spec.parent, a_pipeline(local))) == [
        "the table is partitioned by other columns"
    ]


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"transforms": [{"sql": "selec * from self"}]}, ["transform 1 sql does not fit the rows it gets"]),
        (
            {"transforms": [{"sql": "select * from self"}, {"sql": "select nope from self"}]},
            ["transform 2 sql does not fit the rows it gets"],
        ),
        ({"transforms": [{"use": "no_such_module:f"}]}, ["a transform function cannot be imported"]),
        ({"transforms": [{"use": "math:floor"}]}, ["transform 1 math:floor failed before it saw any rows"]),
        ({"transforms": [{"use": "builtins:print"}]}, ["transform 1 builtins:print gave no lazy frame"]),
        (
            {"transforms": [{"sql": "select id, null as t from self"}]},
            ["a table cannot hold a column of this type"],
        ),
        (
            {"transforms": [{"sql": "select id from self"}], "table": {"partition_by": ["day"]}},
            ["a table cannot be partitioned by this column"],
        ),
        (
            {
                "transforms": [{"sql": "select id, tags from self"}],
                "table": {"sort_by": ["at", "tags"], "partition_by": ["tags"]},
            },
            [
                "a table cannot be partitioned by this column",
                "a table cannot be sorted by a column that is not there",
                "a table can be sorted by plain values only",
            ],
        ),
        (
            {
                "expectations": [
                    {"name": "a", "expect": "nope > 1", "action": "drop"},
                    {"name": "b", "expect": "id + 1", "action": "drop"},
                    {"name": "c", "expect": "id > 1", "action": "drop"},
                ],
                "transforms": [{"sql": "select nope from self"}],
            },
            [
                "expectation a cannot be checked",
                "expectation b cannot be checked",
                "transform 1 sql does not fit the rows it gets",
            ],
        ),
    ],
)
def test_validate_tells_everything_that_does_not_fit(
    options: dict[str, Any], problems: list[str], local: Store, tmp_path: Path
) -> None:
    assert wrong(write_spec(tmp_path, a_pipeline(local, COLUMNS, **options))) == problems


def test_validate_several_files_reports_all_of_them(local: Store, tmp_path: Path) -> None:
    good = write_spec(tmp_path, a_pipeline(local))
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\nsauce: {}\n")

    result = call("validate", good, bad, tmp_path / "gone.yaml", "--json")
    pipelines = json.loads(result.stdout)["pipelines"]

    assert result.exit_code == 2
    assert [found["ok"] for found in pipelines] == [True, False, False]
    assert len(pipelines[1]["problems"]) > 1
    assert "wrong: " in call("validate", good, bad).stdout


def test_validate_over_a_table_that_cannot_be_read_ends_with_one(local: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(local))
    local.put("lake/events/_delta_log/00000000000000000000.json", b"no json")

    result = call("validate", spec, "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["ok"] is False


def test_validate_reads_no_landing_zone_and_writes_nothing(local: Store, tmp_path: Path) -> None:
    spec = write_spec(tmp_path, a_pipeline(local))

    called("validate", spec)

    assert [path.name for path in tmp_path.rglob("*")] == ["events.yaml"]
    land(local, "a.ndjson", *events(0, 1))
    assert called("validate", spec).endswith("ok\n")


@pytest.mark.parametrize(("read", "warned"), [("appends", True), ("changes", False)])
def test_validate_of_a_follower_says_what_its_source_must_not_do(
    local: Store, tmp_path: Path, read: str, warned: bool
) -> None:
    land_sales(local, "a.ndjson", 0, 5)
    run(bronze(local), SETTINGS)
    spec = write_spec(tmp_path, follower(local, source={"read": read}))

    assert ("takes rows out, as an undo" in called("validate", spec)) is warned

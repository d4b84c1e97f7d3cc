"""The models as Python API."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from config.column_types import Column, Integer
from config.pipeline import Pipeline, SqlStep, UseStep
from config.schedule import Schedule
from config.spec_problems import explain


def a_pipeline(**parts: Any) -> Pipeline:
    """A minimal pipeline with some parts replaced."""
    least = {
        "name": "events",
        "source": {"uri": "landing"},
        "contract": {"columns": {"id": "int64!", "at": "timestamp[us, UTC]", "who": {"id": "int64"}}},
        "table": {"uri": "lake/events"},
    }
    return Pipeline(**{**least, **parts})


def problems(**parts: Any) -> dict[str, str]:
    """What is wrong with a pipeline, by key."""
    with pytest.raises(ValidationError) as caught:
        a_pipeline(**parts)
    return {problem.key: problem.what for problem in explain(caught.value).problems}


def test_build_pipeline_takes_the_syntax_of_yaml() -> None:
    pipeline = a_pipeline(
        transforms=[{"sql": "select * from self"}, {"use": "a.b:c", "with": {"x": [1]}}],
        schedule={"every": "5m"},
    )

    assert pipeline.contract.columns[0] == Column("id", Integer(64), required=True)
    assert pipeline.transforms == (SqlStep(sql="select * from self"), UseStep(use="a.b:c", with_={"x": [1]}))
    assert pipeline.schedule == Schedule(every=timedelta(minutes=5))


def test_build_pipeline_sets_the_documented_defaults() -> None:
    pipeline = a_pipeline()

    assert pipeline.source.max_files_per_batch == 1000
    assert pipeline.source.max_bytes_per_batch == 4 * 2**30
    assert (pipeline.contract.on_mismatch, pipeline.contract.on_new_column) == ("quarantine", "rescue")
    assert (pipeline.table.mode, pipeline.lineage, pipeline.schedule) == ("append", False, None)


def test_change_pipeline_is_refused() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        a_pipeline().lineage = True  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"name": "a b"}, {"name": "not a usable name"}),
        ({"source": {"uri": "x", "format": "orc"}}, {"source.format": "a value that is not allowed"}),
        ({"source": {"uri": "x/*.orc"}}, {"source.uri": "a format that cannot be read"}),
        ({"source": {"uri": "x", "max_files_per_batch": 0}}, None),
        ({"source": {"uri": "x", "max_files_per_batch": "5"}}, None),
        (
            {"source": {"uri": "x", "max_bytes_per_batch": "lots"}},
            {"source.max_bytes_per_batch": "not a size"},
        ),
        ({"contract": {"columns": {"a": "int"}}}, {"contract.columns.a": "an unknown type"}),
        ({"table": {"uri": "y", "mode": "merge"}}, {"table.mode": "a value that is not allowed"}),
        ({"table": {"uri": "y", "mode": "upsert"}}, {"table.mode": "upsert without a key"}),
        ({"table": {"uri": "y", "order_by": ["id"]}}, {"table.order_by": "not for this mode"}),
        (
            {"table": {"uri": "y", "mode": "insert_new", "key": ["id"], "partition_by": ["day"]}},
            {"table.partition_by[0]": "a partition column that is not part of the key"},
        ),
        (
            {"table": {"uri": "y", "sort_by": ["id"], "layout": {"z_order_by": ["id"]}}},
            {"table.layout.z_order_by": "two orders"},
        ),
        (
            {"table": {"uri": "y", "layout": {"file_size": "128"}}},
            {"table.layout.file_size": "too small for a file"},
        ),
        ({"readers": [{"where": "id = ?", "at_most": 0.05}]}, {"readers[0].at_most": "not a percentage"}),
        ({"table": {"uri": "y", "key": "id"}}, {"table.key": "not a list"}),
        ({"transforms": [{"use": "no_colon"}]}, {"transforms[0].use": "not the path of a function"}),
        ({"transforms": [{}]}, {"transforms[0]": "a transform that is neither sql nor use"}),
        ({"transforms": ["x"]}, {"transforms[0]": "a transform that is neither sql nor use"}),
        ({"transforms": [{"sql": "x", "use": "a:b"}]}, {"transforms[0].use": "an unknown key"}),
        ({"schedule": {}}, {"schedule": "a schedule has cron or every"}),
        ({"schedule": {"cron": "* * * * *", "every": "5m"}}, {"schedule": "a schedule has cron or every"}),
        (
            {"schedule": {"every": "5m", "timezone": "Europe/Berlin"}},
            {"schedule.timezone": "a time zone without a cron line"},
        ),
        (
            {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berln"}},
            {"schedule.timezone": "an unknown time zone"},
        ),
        ({"alerts": {"quarantine_share": 0.05}}, {"alerts.quarantine_share": "not a percentage"}),
        ({"engine": "spark"}, {"engine": "a value that is not allowed"}),
        ({"schedule": {"every": "0s"}}, {"schedule.every": "not a duration"}),
        ({"lineage": "yes"}, {"lineage": "neither true nor false"}),
        ({"table": {"uri": "landing/t"}}, {"table.uri": "a table inside the landing zone"}),
    ],
)
def test_build_pipeline_with_wrong_value_is_refused(
    parts: dict[str, Any], expected: dict[str, str] | None
) -> None:
    found = problems(**parts)

    assert len(found) == 1
    assert expected is None or found == expected


def test_build_pipeline_with_expectations_of_one_name_is_refused() -> None:
    one = {"name": "same", "expect": "true", "action": "warn"}

    assert problems(expectations=[one, one]) == {"expectations[1].name": "a name that is used twice"}


@pytest.mark.parametrize(
    ("option", "names", "what"),
    [
        ("partition_by", ["id", "id"], "a column that is named twice"),
        ("partition_by", ["score"], "partition_by names a column of values that make no folder names"),
        ("partition_by", ["who"], "partition_by names a column of values that make no folder names"),
        ("partition_by", ["tags"], "partition_by names a column of values that make no folder names"),
        ("partition_by", ["body"], "partition_by names a column of values that make no folder names"),
        ("partition_by", ["raw"], "partition_by names a column of values that make no folder names"),
        ("partition_by", ["opens"], "partition_by names a column of values that make no folder names"),
        ("partition_by", ["who.id"], "partition_by names a column that the contract has not"),
        ("sort_by", ["id", "id"], "a column that is named twice"),
        ("sort_by", ["who"], "sort_by names a column of values without an order"),
        ("sort_by", ["tags"], "sort_by names a column of values without an order"),
        ("sort_by", ["who.name"], "sort_by names a column that the contract has not"),
        ("sort_by", ["_file"], "sort_by names a column that the contract has not"),
        ("key", ["no"], "key names a column that the contract has not"),
        ("key", ["body"], "key names a column of values that cannot be compared"),
    ],
)
def test_build_pipeline_with_unfit_column_is_refused(option: str, names: list[str], what: str) -> None:
    columns = {"id": "int64", "score": "float64", "who": {"id": "int64"}, "tags": ["string"], "body": "json"}
    columns |= {"raw": "binary", "opens": "time"}

    found = problems(contract={"columns": columns}, table={"uri": "y", option: names})

    assert found == {f"table.{option}[{len(names) - 1}]": what}


@pytest.mark.parametrize(
    ("option", "names", "what"),
    [
        ("z_order_by", ["id", "id"], "a column that is named twice"),
        ("z_order_by", ["who"], "z_order_by names a column of values without an order"),
        ("z_order_by", ["who.name"], "z_order_by names a column that the contract has not"),
        ("bloom", ["tags"], "bloom names a column of values that no filter tells apart"),
        ("bloom", ["score"], "bloom names a column of values that no filter tells apart"),
        ("bloom", ["who.name"], "bloom names a column that the contract has not"),
        ("statistics", ["who"], "statistics names a column of values without a minimum"),
        ("statistics", ["who.name"], "statistics names a column that the contract has not"),
    ],
)
def test_build_pipeline_with_unfit_column_in_the_layout_is_refused(
    option: str, names: list[str], what: str
) -> None:
    columns = {"id": "int64", "score": "float64", "who": {"id": "int64"}, "tags": ["string"]}

    found = problems(contract={"columns": columns}, table={"uri": "y", "layout": {option: names}})

    assert found == {f"table.layout.{option}[{len(names) - 1}]": what}


@pytest.mark.parametrize("layout", [{"statistics": []}, {"z_order_by": list("abcdefghi")}])
def test_build_pipeline_with_too_few_or_too_many_columns_in_the_layout_is_refused(
    layout: dict[str, list[str]],
) -> None:
    columns = dict.fromkeys("abcdefghi", "int64")

    assert problems(contract={"columns": columns}, table={"uri": "y", "layout": layout})


def test_build_pipeline_lays_out_by_nested_columns() -> None:
    layout = {"z_order_by": ["who.id", "id"], "bloom": ["who.id"], "statistics": ["who.id"]}

    table = a_pipeline(
        contract={"columns": {"id": "int64", "who": {"id": "int64"}}}, table={"uri": "y", "layout": layout}
    ).table

    assert table.layout.z_order_by == ("who.id", "id")


def test_build_pipeline_sorts_and_keys_by_columns_of_every_plain_type() -> None:
    columns = {"raw": "binary!", "opens": "time!", "country": "dictionary!", "n": "int64"}
    names = ["raw", "opens", "country"]

    table = a_pipeline(
        contract={"columns": columns},
        table={"uri": "y", "sort_by": names, "key": names, "partition_by": ["country"]},
    ).table

    assert table.key == tuple(names)


def test_build_pipeline_with_transforms_leaves_columns_to_the_planned_query() -> None:
    a_pipeline(transforms=[{"sql": "x"}], table={"uri": "y", "sort_by": ["new"], "partition_by": ["day"]})


def test_build_pipeline_with_transforms_still_takes_its_key_from_the_contract() -> None:
    found = problems(transforms=[{"sql": "x"}], table={"uri": "y", "key": ["new"]})

    assert found == {"table.key[0]": "key names a column that the contract has not"}


@pytest.mark.parametrize("key", ["at", "who.id"])
def test_build_pipeline_with_key_that_may_be_null_is_refused(key: str) -> None:
    found = problems(table={"uri": "y", "key": [key]})

    assert found == {"table.key[0]": "key names a column that may be null"}


def test_build_pipeline_takes_nested_columns_and_lineage_to_sort_by() -> None:
    a_pipeline(lineage=True, table={"uri": "y", "sort_by": ["who.id", "_file", "_record"]})


def test_build_pipeline_without_rescue_has_no_rescued_column_to_sort_by() -> None:
    contract = {"columns": {"id": "int64"}, "on_new_column": "ignore"}

    found = problems(contract=contract, table={"uri": "y", "sort_by": ["_rescued"]})

    assert found == {"table.sort_by[0]": "sort_by names a column that the contract has not"}


def test_build_pipeline_with_partition_columns_only_is_refused() -> None:
    found = problems(contract={"columns": {"id": "int64"}}, table={"uri": "y", "partition_by": ["id"]})

    assert found == {"table.partition_by": "every column is a partition column"}


def test_import_config_leaves_the_data_libraries_alone() -> None:
    heavy = {"polars", "pyarrow", "prefect", "numba", "numpy", "deltalake", "fsspec", "duckdb"}
    code = f"import sys, config.spec_file; print(sorted({heavy} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"

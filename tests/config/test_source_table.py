"""`source.table`: what fits together with it, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.locations import check_chain
from config.pipeline import Pipeline
from config.spec_file import dump_pipeline, parse_pipeline
from config.spec_problems import explain


def following(**parts: Any) -> Pipeline:
    """A minimal pipeline that follows a table, with some parts replaced."""
    least = {"name": "silver", "source": {"table": "lake/bronze"}, "table": {"uri": "lake/silver"}}
    return Pipeline(**{**least, **parts})


def problems(**parts: Any) -> dict[str, str]:
    """What is wrong with it, by key."""
    with pytest.raises(ValidationError) as caught:
        following(**parts)
    return {problem.key: problem.what for problem in explain(caught.value).problems}


def test_build_pipeline_that_follows_a_table_needs_no_columns() -> None:
    pipeline = following(table={"uri": "lake/silver", "partition_by": ["day"], "sort_by": ["id"]})

    assert pipeline.contract.columns == ()
    assert pipeline.source.location == "lake/bronze"
    assert parse_pipeline(dump_pipeline(pipeline), file="x.yaml") == pipeline


def test_build_pipeline_over_files_needs_columns() -> None:
    assert problems(source={"uri": "landing"}) == {"contract.columns": "a required key is missing"}


@pytest.mark.parametrize("source", [{}, {"uri": "landing", "table": "lake/bronze"}])
def test_build_source_takes_one_of_uri_and_table(source: dict[str, str]) -> None:
    assert problems(source=source) == {"source": "a source has uri or table"}


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ({"table": "lake/bronze", "format": "csv"}, "source.format"),
        ({"table": "lake/bronze", "compression": "gzip"}, "source.compression"),
        ({"table": "lake/bronze", "csv": {"delimiter": ";"}}, "source.csv"),
        ({"uri": "landing", "read": "changes"}, "source.read"),
    ],
)
def test_build_source_refuses_keys_of_the_other_kind(source: dict[str, Any], key: str) -> None:
    assert problems(source=source) == {key: "not for this source"}


@pytest.mark.parametrize("mode", ["append", "insert_new"])
def test_build_pipeline_refuses_partitions_that_would_be_added_again(mode: str) -> None:
    key = {"key": ["id"]} if mode == "insert_new" else {}
    found = problems(
        source={"table": "lake/bronze", "read": "partitions"}, table={"uri": "lake/gold", "mode": mode, **key}
    )

    assert found == {
        "table.mode": "whole partitions, which come again with each change, would be added again"
    }


def test_build_pipeline_refuses_a_key_of_columns_that_nobody_knows() -> None:
    assert problems(table={"uri": "lake/silver", "key": ["id"]}) == {
        "table.key": "a key of columns that may be null"
    }


def test_build_pipeline_knows_the_columns_of_changes() -> None:
    pipeline = following(
        source={"table": "lake/bronze", "read": "changes"},
        contract={"columns": {"id": "int64!"}},
        table={"uri": "lake/silver", "mode": "upsert", "key": ["id"], "order_by": ["_version"]},
    )

    assert pipeline.table.order_by == ("_version",)


@pytest.mark.parametrize(
    "table", ["lake/bronze/", "./lake/bronze", "lake/bronze/inside", "lake", "lake/bronze/_delta_log"]
)
def test_check_chain_refuses_tables_in_one_another(table: str) -> None:
    ((path, error),) = check_chain("lake/bronze", table)

    assert (path, error.what) == (("table", "uri"), "a table that follows itself")


@pytest.mark.parametrize("beside", ["ledger", "quarantine"])
def test_check_chain_refuses_a_pipeline_that_follows_what_it_writes(beside: str) -> None:
    assert check_chain(f"s3://b/t_{beside}", "s3://b/t")
    assert not check_chain(f"s3://b/t_{beside}", "s3://b/other")


def test_check_chain_refuses_a_wildcard() -> None:
    ((path, _),) = check_chain("lake/*", "other/t")

    assert path == ("source", "table")

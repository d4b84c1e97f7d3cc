"""Tables that grow: more columns, wider types, and what they refuse to become."""

from __future__ import annotations

import datetime as dt
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, Field, Schema
from deltalake.transaction import create_table_with_add_actions

from storage.errors import TableError, TableSchemaError
from storage.filesystem import delta_storage_options, open_filesystem
from storage.layout.data_file import DataFile
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from storage.tables.log.commits import read_commits
from storage.tables.schema import rewriting
from storage.tables.schema.evolution import EVOLUTION_KEY, evolution_of, marks_of
from tests.conftest import Store

OLD = pl.DataFrame({"n": [1, 2, 3], "v": [1, -(2**31), None]}, schema={"n": pl.Int64, "v": pl.Int32})


def written(uri: str, rows: pl.DataFrame, partition_by: list[str]) -> list[DataFile]:
    with TableWriter(uri, partition_by=partition_by, buffer_bytes=2**20) as writer:
        writer.write(rows)
        return writer.finish()


def add(
    uri: str, batch: int, rows: pl.DataFrame, partition_by: list[str] | None = None, **options: Any
) -> int:
    """Commits rows as a batch to the table as it is; the version that holds them."""
    by = partition_by or []
    files, given = written(uri, rows, by), {"schema": rows.schema, "partition_by": by, **options}
    return commit_batch(uri, open_table(uri), app_id="a", batch=batch, files=files, **given).version


def another(uri: str, rows: pl.DataFrame) -> None:
    """A batch of another pipeline."""
    files = written(uri, rows, [])
    commit_batch(uri, open_table(uri), app_id="b", batch=1, files=files, schema=rows.schema)


def rows_of(uri: str) -> pl.DataFrame:
    return pl.scan_delta(uri, storage_options=delta_storage_options(uri) or None).collect().sort("n")


def a_table(uri: str) -> DeltaTable:
    table = open_table(uri)
    assert table is not None
    return table


def types_of(uri: str) -> dict[str, str]:
    return {field.name: str(field.type) for field in a_table(uri).schema().fields}


def data_files(uri: str) -> set[str]:
    filesystem, root = open_filesystem(uri)
    return {name.rpartition("/")[2] for name in filesystem.find(root) if name.endswith(".parquet")}


def conserved(uri: str) -> bool:
    """Whether commits that are no batch add as many rows as they remove, and all add up to what is there."""
    rows: dict[str, int | None] = {}
    for commit in read_commits(uri, a_table(uri).version()):
        removed = sum(rows.pop(path) or 0 for path in commit.removed)
        if not commit.ours and removed != commit.rows_added():
            return False
        rows |= commit.added
    return sum(one or 0 for one in rows.values()) == rows_of(uri).height


def test_commit_batch_with_a_new_column_adds_it_in_a_commit_of_its_own(uri: str) -> None:
    add(uri, 1, OLD)

    version = add(uri, 2, OLD.with_columns(more=pl.lit("x"), n=pl.col("n") + 3))

    assert version == 3
    assert rows_of(uri)["more"].to_list() == [None] * 3 + ["x"] * 3
    operations = [(one["operation"], one.get(EVOLUTION_KEY)) for one in a_table(uri).history()]
    assert operations[1] == ("ADD COLUMN", {"added": {"more": "string"}})
    assert conserved(uri)


def test_commit_batch_without_a_column_of_the_table_leaves_it_null(uri: str) -> None:
    add(uri, 1, OLD)

    version = add(uri, 2, OLD.select(pl.col("n") + 3))

    assert version == 2
    assert rows_of(uri)["v"].to_list() == [*OLD["v"], None, None, None]


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (pl.Series([1, -128, None], dtype=pl.Int8), pl.Series([300], dtype=pl.Int16)),
        (pl.Series([255, 0, None], dtype=pl.UInt8), pl.Series([65535], dtype=pl.UInt16)),
        (pl.Series([2**31 - 1, 0, None], dtype=pl.Int32), pl.Series([2**63 - 1], dtype=pl.Int64)),
        (pl.Series([2**32 - 1, 0, None], dtype=pl.UInt32), pl.Series([2**64 - 1], dtype=pl.UInt64)),
        (pl.Series([0.1, -0.0, None], dtype=pl.Float32), pl.Series([0.1], dtype=pl.Float64)),
        (pl.Series([2**31 - 1, -1, None], dtype=pl.Int32), pl.Series([0.5], dtype=pl.Float64)),
        (
            pl.Series([Decimal("1.25"), Decimal("-999.99"), None], dtype=pl.Decimal(5, 2)),
            pl.Series([Decimal("12345678.1234")], dtype=pl.Decimal(12, 4)),
        ),
        (
            pl.Series([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
            pl.Series([dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC)], dtype=pl.Datetime("us", "UTC")),
        ),
        (
            pl.Series([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
            pl.Series([dt.datetime(2026, 1, 1, 1)], dtype=pl.Datetime("us")),  # noqa: DTZ001 - without a zone
        ),
        (
            pl.Series([{"a": 1}, {"a": None}, None], dtype=pl.Struct({"a": pl.Int32})),
            pl.Series([{"b": "x", "a": 2**40}], dtype=pl.Struct({"b": pl.String, "a": pl.Int64})),
        ),
        (
            pl.Series([[{"a": 1}, None], [], None], dtype=pl.List(pl.Struct({"a": pl.Int32}))),
            pl.Series([[{"a": 2**40, "b": "x"}]], dtype=pl.List(pl.Struct({"a": pl.Int64, "b": pl.String}))),
        ),
    ],
    ids=lambda one: str(one.dtype),
)
def test_commit_batch_with_wider_types_keeps_every_value(
    store: Store, narrow: pl.Series, wide: pl.Series
) -> None:
    uri = store.at("table")
    first = pl.DataFrame({"n": [1, 2, 3], "v": narrow})
    add(uri, 1, first)

    add(uri, 2, pl.DataFrame({"n": [4], "v": wide}))

    found = rows_of(uri)
    assert found["v"].equals(_both(narrow, wide, found["v"].dtype))
    assert a_table(uri).version() == (3 if wide.dtype == pl.Datetime("us") else 2)
    assert conserved(uri)


def _both(narrow: pl.Series, wide: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype.is_nested():
        return pl.Series([*narrow, *wide], dtype=dtype)
    return pl.concat([narrow.cast(dtype), wide.cast(dtype)])


def test_commit_batch_with_wider_types_writes_each_partition_again(uri: str) -> None:
    days = [dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)]
    old = OLD.with_columns(day=pl.Series(days), name=pl.Series(["a/b %41", "é", "c"]))
    add(uri, 1, old, ["day", "name"])

    add(uri, 2, old.select("n", pl.col("v").cast(pl.Int64), "day", "name"), ["day", "name"])

    found = rows_of(uri)
    both = pl.concat([old, old]).sort("n").cast({"v": pl.Int64})
    assert found.select(both.columns).equals(both)
    assert conserved(uri)
    assert a_table(uri).to_pyarrow_table().num_rows == 6 if "://" not in uri else True


def test_rewriting_a_large_file_takes_several_small_ones(
    local_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pl.DataFrame({"n": range(200_000)}).with_columns(v=pl.col("n").cast(pl.Int32))
    add(local_uri, 1, rows)
    monkeypatch.setattr(rewriting, "_FILE_BYTES", 2**20)

    add(local_uri, 2, OLD.with_columns(pl.col("v").cast(pl.Int64), n=-pl.col("n")))

    assert len([one for one in a_table(local_uri).file_uris() if "evolved-" in one]) > 1
    assert rows_of(local_uri).tail(200_000).equals(rows.cast({"v": pl.Int64}))
    assert conserved(local_uri)


@pytest.mark.parametrize(
    ("columns", "named", "advice"),
    [
        ({"v": pl.Int16}, "'v'", "wider type in the contract"),
        ({"v": pl.String}, "'v'", "table's type in the contract"),
        ({"v": pl.Float32}, "'v'", "table's type"),
        ({"V": pl.Int32}, "'V'", "rename it"),
        ({"s": pl.Struct({"a": pl.Int8})}, "'s.a'", "wider type"),
        ({"l": pl.List(pl.Struct({"a": pl.String}))}, r"'l\[\].a'", "table's type"),
        ({"l": pl.List(pl.Struct({"b": pl.String}))}, r"'l\[\].a'", "delta-rs cannot read"),
        ({"day": pl.Datetime("us", "UTC")}, "'day'", "partition column"),
    ],
)
def test_commit_batch_with_what_a_table_cannot_become_is_refused(
    local_uri: str, columns: dict[str, Any], named: str, advice: str
) -> None:
    old = {
        "n": pl.Int64,
        "v": pl.Int32,
        "s": pl.Struct({"a": pl.Int32}),
        "l": pl.List(pl.Struct({"a": pl.Int32})),
        "day": pl.Date,
    }
    add(local_uri, 1, pl.DataFrame({"n": [1]}, schema_overrides={}).select("n", *_nulls(old)), ["day"])
    new = pl.DataFrame({"n": [2]}).select("n", *_nulls({"day": pl.Date, **columns}))

    with pytest.raises(TableSchemaError, match=named) as caught:
        add(local_uri, 2, new, ["day"])

    assert advice in str(caught.value.next_step)
    assert not caught.value.retryable
    assert a_table(local_uri).version() == 0


def _nulls(columns: dict[str, Any]) -> list[pl.Expr]:
    return [pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name != "n"]


def test_commit_batch_with_nulls_in_a_column_that_was_never_null_allows_them(uri: str) -> None:
    not_null = Schema([Field("n", "long", nullable=False), Field("v", "integer")])  # type: ignore[arg-type]
    create_table_with_add_actions(uri, not_null, [], storage_options=delta_storage_options(uri))
    add(uri, 1, OLD)
    assert not a_table(uri).schema().fields[0].nullable

    add(uri, 2, OLD.with_columns(n=pl.lit(None, pl.Int64)))

    assert a_table(uri).schema().fields[0].nullable
    assert rows_of(uri)["n"].null_count() == 3


def test_commit_batch_without_a_column_that_is_never_null_is_refused(local_uri: str) -> None:
    not_null = Schema([Field("n", "long"), Field("v", "integer", nullable=False)])  # type: ignore[arg-type]
    create_table_with_add_actions(local_uri, not_null, [])

    with pytest.raises(TableSchemaError, match="'v'"):
        add(local_uri, 1, OLD.select("n"))


def test_marks_of_columns_survive_wider_types_and_other_batches(uri: str) -> None:
    add(uri, 1, OLD, marks={"v": "int32"})
    add(uri, 2, OLD.with_columns(j=pl.lit("{}")), marks={"j": "json"})
    add(uri, 3, OLD.with_columns(pl.col("v").cast(pl.Int64)))

    assert marks_of(a_table(uri)) == {"v": "int32", "j": "json"}


@pytest.mark.parametrize("key", ["delta.appendOnly", "delta.enableDeletionVectors"])
def test_rewriting_a_table_that_must_not_be_is_refused(local_uri: str, key: str) -> None:
    schema = Schema([Field("n", "long"), Field("v", "integer")])  # type: ignore[arg-type]
    create_table_with_add_actions(local_uri, schema, [], configuration={key: "true"})

    with pytest.raises(TableSchemaError, match="written again"):
        add(local_uri, 1, OLD.with_columns(pl.col("v").cast(pl.Int64)))


def test_a_date_beyond_all_timestamps_keeps_its_table_from_widening(local_uri: str) -> None:
    days = pl.Series([2**31 - 1, 0, 1], dtype=pl.Int32).cast(pl.Date)
    add(local_uri, 1, OLD.with_columns(v=days))
    before = data_files(local_uri)

    with pytest.raises(TableSchemaError, match="does not fit the wider type"):
        add(local_uri, 2, OLD.with_columns(v=pl.lit(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))))

    assert types_of(local_uri)["v"] == 'PrimitiveType("date")'
    assert len(data_files(local_uri) - before) == 1  # of the batch: the caller's


def test_a_rewriting_that_loses_a_race_begins_again_with_the_table_as_it_is(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(uri, 1, OLD)
    raced = _racing(monkeypatch, lambda: another(uri, OLD.with_columns(pl.col("n") + 3)))

    add(uri, 2, OLD.with_columns(pl.col("v").cast(pl.Int64), n=pl.col("n") + 6))

    assert raced
    assert rows_of(uri)["n"].to_list() == list(range(1, 10))
    assert conserved(uri)
    used = {path.rpartition("/")[2] for path in a_table(uri).file_uris()}
    old = {one for one in data_files(uri) if not one.startswith("evolved-")}
    assert {one for one in data_files(uri) - used if one not in old} == set()


def _racing(monkeypatch: pytest.MonkeyPatch, other: Any) -> list[int]:
    """Lets another writer commit while the first file is being written again."""
    raced: list[int] = []
    rewrite = rewriting._rewritten

    def slow(*args: Any) -> list[DataFile]:
        if not raced:
            raced.append(1)
            other()
        return rewrite(*args)

    monkeypatch.setattr(rewriting, "_rewritten", slow)
    return raced


def test_a_rewriting_whose_answer_is_lost_is_found_in_the_log(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(uri, 1, OLD)
    commit = rewriting.Rewriting.commit

    def loses_its_answer(*args: Any) -> None:
        written = dict(args[0]._written)
        commit(*args)
        args[0]._written |= written
        raise OSError("connection reset by peer")

    monkeypatch.setattr(rewriting.Rewriting, "commit", loses_its_answer)

    add(uri, 2, OLD.with_columns(pl.col("v").cast(pl.Int64)))

    assert rows_of(uri).height == 6
    assert conserved(uri)


def test_a_rewriting_that_fails_leaves_table_and_folder_as_they_were(local_uri: str) -> None:
    for batch in (1, 2):
        add(local_uri, batch, OLD)
    wide = OLD.with_columns(pl.col("v").cast(pl.Int64))
    broken = sorted(data_files(local_uri))[1]
    os.truncate(Path(local_uri, broken), 100)
    before = data_files(local_uri)

    with pytest.raises(TableError, match="no Parquet file"):
        add(local_uri, 3, wide)

    assert {one for one in data_files(local_uri) - before if one.startswith("evolved-")} == set()
    assert a_table(local_uri).version() == 1


def test_evolution_of_a_table_tells_all_that_is_new(local_uri: str) -> None:
    add(local_uri, 1, OLD)
    schema = pl.Schema({"n": pl.Int64(), "v": pl.Int64(), "s": pl.Struct({"a": pl.String})})

    evolution = evolution_of(a_table(local_uri), schema)

    assert evolution is not None
    assert (evolution.added, evolution.widened) == ({"s": "{a: string}"}, {"v": ("integer", "long")})
    assert evolution.rewrites
    assert json.loads(json.dumps(evolution.schema))["fields"][-1]["name"] == "s"
    assert evolution_of(a_table(local_uri), OLD.schema) is None

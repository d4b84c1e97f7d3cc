"""Statistics bound what is in the file, and readers that skip by them find what a full read finds."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from storage.layout.data_file import DataFile
from storage.layout.file_layout import FileLayout
from storage.layout.parquet_file import encode_parquet
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from tests.storage.layout.frames import VALUES, series, tables

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - counted from, without a zone on either side
_QUICK = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def statistics_of(frame: pl.DataFrame, **options: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(
        encode_parquet(frame, FileLayout(**options)).stats, parse_float=Decimal
    )
    return parsed


def unscaled(value: Decimal) -> int:
    """All digits of a decimal; arithmetic would round to 28."""
    return int("".join(map(str, value.as_tuple().digits))) * (-1 if value < 0 else 1)


def comparable(bound: Any, dtype: pl.DataType) -> Any:
    """A bound from the JSON text as the physical value that `VALUES` draws, text as its bytes."""
    if isinstance(dtype, pl.Decimal):
        return unscaled(Decimal(bound))
    if dtype.is_float():
        return float(bound)
    if isinstance(dtype, pl.Date):
        return (dt.date.fromisoformat(bound) - _EPOCH.date()).days
    if isinstance(dtype, pl.Datetime):
        assert bound.endswith("Z") == (dtype.time_zone is not None)
        return (dt.datetime.fromisoformat(bound.removesuffix("Z")) - _EPOCH) // dt.timedelta(microseconds=1)
    return bound.encode() if isinstance(bound, str) else bound


def physical(column: pl.Series) -> list[Any]:
    dtype = column.dtype
    if isinstance(dtype, pl.Decimal):
        return [unscaled(one) for one in column.drop_nulls()]
    if isinstance(dtype, pl.String | pl.Categorical):
        return [one.encode() for one in column.drop_nulls().cast(pl.String)]
    return column.to_physical().drop_nulls().to_list()


@given(frames=tables(parts=1), row_group_rows=st.integers(1, 4))
@settings(max_examples=400)
def test_file_statistics_bound_every_value(frames: list[pl.DataFrame], row_group_rows: int) -> None:
    (frame,) = frames
    flat = frame.select(pl.col("s").struct.unnest()) if "s" in frame.columns else frame
    column = flat["x"]

    stats = statistics_of(frame, row_group_rows=row_group_rows)

    low, high, nulls = (stats.get(name, {}) for name in ("minValues", "maxValues", "nullCount"))
    if "s" in frame.columns:
        low, high, nulls = low.get("s", {}), high.get("s", {}), nulls["s"]
    assert stats["numRecords"] == frame.height
    assert nulls["x"] == column.null_count()
    assert "l" not in nulls
    for value in physical(column) if "x" in low else []:
        assert comparable(low["x"], column.dtype) <= value <= comparable(high["x"], column.dtype)
        assert len(str(high["x"])) <= 40
    if column.dtype.is_float() and not column.drop_nulls().is_finite().all():
        assert "minValues" not in stats
        assert "maxValues" not in stats


def test_file_statistics_count_values_below_a_null_struct_as_null() -> None:
    hidden = pa.StructArray.from_arrays([pa.array([1, 7, 3])], ["a"], mask=pa.array([False, True, False]))

    stats = statistics_of(pl.DataFrame({"s": pl.Series(hidden)}))

    assert stats["nullCount"] == {"s": {"a": 1}}
    assert stats["maxValues"] == {"s": {"a": 3}}


def test_file_statistics_of_dotted_names_and_lists_stay_with_their_columns() -> None:
    frame = pl.DataFrame({"l": [[9, 8]], "a.b": [1], "a": [{"b": 2, "m": [[5.0]]}], "z": ["end"]})

    assert statistics_of(frame)["minValues"] == {"a.b": 1, "a": {"b": 2}, "z": "end"}


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1.0, float("nan")]),
        pl.Series([1.0, float("inf")]),
        pl.Series([-(2**62)]).cast(pl.Datetime("us")),
        pl.Series([2_932_897]).cast(pl.Int32).cast(pl.Date),
        pl.Series(["\U0010ffff" * 33]),
    ],
)
def test_file_statistics_of_values_without_bounds_leave_out_all_bounds(column: pl.Series) -> None:
    stats = statistics_of(pl.DataFrame({"x": column, "row": range(len(column))}))

    assert set(stats) == {"numRecords", "nullCount"}


@pytest.mark.parametrize(
    "column", [pl.Series([[1.0], [float("nan")]]), pl.Series([{"deep": [{"x": float("nan")}]}] * 2)]
)
def test_file_statistics_of_nan_in_lists_keep_the_bounds_of_others(column: pl.Series) -> None:
    stats = statistics_of(pl.DataFrame({"x": column, "row": [0, 1]}))

    assert (stats["minValues"], stats["maxValues"]) == ({"row": 0}, {"row": 1})


def written(folder: Path, frames: list[pl.DataFrame]) -> str:
    """A table of one file for each frame, new each time."""
    uri = str(folder / f"table-{len(list(folder.iterdir()))}")
    Path(uri).mkdir()
    files = []
    for number, frame in enumerate(frames):
        parquet = encode_parquet(frame, FileLayout(row_group_rows=2))
        Path(uri, f"{number}.parquet").write_bytes(parquet.data)
        files.append(DataFile(f"{number}.parquet", len(parquet.data), parquet.rows, {}, parquet.stats, 0))
    commit_batch(uri, None, app_id="test", batch=1, files=files, schema=frames[0].schema)
    return uri


@dataclass(frozen=True)
class Question:
    """A comparison of `x` with a literal, which is in the data or not; `literal` is empty for `x is null`."""

    operator: str
    literal: pl.Series
    nested: bool

    def in_polars(self) -> pl.Expr:
        """As a predicate of Polars."""
        x = pl.col("s").struct.field("x") if self.nested else pl.col("x")
        return x.is_null() if self.literal.is_empty() else getattr(x, self.operator)(pl.lit(self.literal))

    def in_pyarrow(self) -> ds.Expression:
        """As a filter of pyarrow; its tables have no large types."""
        x = ds.field("s", "x") if self.nested else ds.field("x")
        if self.literal.is_empty():
            return x.is_null()
        values = self.literal.to_arrow(compat_level=pl.CompatLevel.oldest())
        small = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
        return getattr(x, f"__{self.operator}__")(values.cast(small.get(values.type, values.type))[0])

    def in_sql(self, connection: duckdb.DuckDBPyConnection) -> str:
        """As the condition of a WHERE; with a constant, because DuckDB skips by constants alone."""
        x = "s.x" if self.nested else "x"
        if self.literal.is_empty():
            return f"{x} is null"
        connection.register("literal", self.literal.alias("v").to_frame().to_arrow())
        ((text, kind),) = connection.sql("select v::varchar, typeof(v) from literal").fetchall()
        sign = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}[self.operator]
        return f"{x} {sign} '{text.replace(chr(39), chr(39) * 2)}'::{kind}"


@st.composite
def questions(draw: st.DrawFn, frames: list[pl.DataFrame]) -> Question:
    nested = "s" in frames[0].columns
    column = pl.concat(frames).select(pl.col("s").struct.field("x") if nested else "x")["x"].drop_nulls()
    anything = st.one_of(st.just([]), VALUES[column.dtype].map(lambda one: [one]))
    literals = anything.map(lambda values: series(column.dtype, values))
    if not column.is_empty():
        literals = st.one_of(literals, st.integers(0, len(column) - 1).map(lambda i: column[i : i + 1]))
    operator = draw(st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"]))
    return Question(operator, draw(literals), nested)


@given(frames=tables(lists=False), data=st.data())
@_QUICK
def test_pruning_in_polars_finds_what_a_full_read_finds(
    tmp_path: Path, frames: list[pl.DataFrame], data: st.DataObject
) -> None:
    predicate = data.draw(questions(frames)).in_polars()
    uri = written(tmp_path, frames)

    found = pl.scan_delta(uri).filter(predicate).collect()

    full = pl.concat(frames).filter(predicate)
    assert found["row"].sort().to_list() == full["row"].sort().to_list()


@given(frames=tables(), data=st.data())
@_QUICK
def test_pruning_in_pyarrow_finds_what_a_full_read_finds(
    tmp_path: Path, frames: list[pl.DataFrame], data: st.DataObject
) -> None:
    question = data.draw(questions(frames))
    assume(not question.literal.dtype.is_float() or not question.literal.is_nan().any())
    predicate = question.in_pyarrow()
    table = open_table(written(tmp_path, frames))
    assert table is not None
    dataset = table.to_pyarrow_dataset()

    found = dataset.to_table(filter=predicate)

    full = dataset.to_table().filter(predicate)
    assert sorted(found["row"].to_pylist()) == sorted(full["row"].to_pylist())


@given(frames=tables(), data=st.data())
@_QUICK
def test_row_group_pruning_in_duckdb_finds_what_a_full_read_finds(
    tmp_path: Path, frames: list[pl.DataFrame], data: st.DataObject
) -> None:
    files = f"read_parquet('{written(tmp_path, frames)}/*.parquet')"

    with duckdb.connect() as connection:
        test = data.draw(questions(frames)).in_sql(connection)
        found = connection.sql(f"select row from {files} where {test} order by row").fetchall()
        connection.sql(f"create table copied as from {files}")
        full = connection.sql(f"select row from copied where {test} order by row").fetchall()

    assert found == full


def test_filtering_in_polars_by_a_field_beside_a_list_fails(tmp_path: Path) -> None:
    """Polars 2.1, for every Delta table; once this test fails, allow `lists` in the test of Polars above."""
    uri = written(tmp_path, [pl.DataFrame({"s": [{"x": 1, "l": [1]}], "row": [0]})])

    with pytest.raises(pl.exceptions.InvalidOperationError):
        pl.scan_delta(uri).filter(pl.col("s").struct.field("x") == 1).collect()


def test_a_bound_that_is_missing_beside_others_loses_rows_in_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why one missing bound takes all from a file: delta-rs 1.6.3; once this test fails, that can go."""
    monkeypatch.setattr("storage.tables.commits.unbounded_in", lambda _schema, _files: frozenset())
    parquet = encode_parquet(pl.DataFrame({"x": [1.0], "row": [0]}))
    (tmp_path / "0.parquet").write_bytes(parquet.data)
    stats = '{"numRecords":1,"minValues":{"row":0},"maxValues":{"row":0},"nullCount":{"x":0,"row":0}}'
    file = DataFile("0.parquet", len(parquet.data), 1, {}, stats, 0)
    schema = pl.Schema({"x": pl.Float64(), "row": pl.Int64()})
    commit_batch(str(tmp_path), None, app_id="test", batch=1, files=[file], schema=schema)
    table = open_table(str(tmp_path))
    assert table is not None

    assert table.to_pyarrow_dataset().to_table(filter=ds.field("x") == 1.0).num_rows == 0


def test_filtering_by_a_struct_that_is_always_null_finds_all_rows(tmp_path: Path) -> None:
    schema = {"row": pl.Int64(), "s": pl.Struct({"x": pl.Int64(), "y": pl.String()})}
    uri = written(tmp_path, [pl.DataFrame({"row": [0, 1], "s": [None, None]}, schema=schema)])
    table = open_table(uri)
    assert table is not None
    rows = table.to_pyarrow_dataset()

    assert rows.to_table(filter=ds.field("s").is_null()).num_rows == 2
    assert rows.to_table(filter=ds.field("s").is_valid()).num_rows == 0
    assert pl.scan_delta(uri).filter(pl.col("s").is_null()).collect().height == 2
    assert pl.scan_delta(uri).filter(pl.col("s").struct.field("x") == 1).collect().height == 0

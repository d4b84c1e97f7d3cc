"""Features of a table: equal to its rows, in the memory of Arrow where they can be, one copy at most."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from storage.errors import FeatureError, NotFoundError, TableSchemaError
from storage.skipping.features import Features, feature_batches, read_features

ROWS = 1000
FRAME = pl.DataFrame(
    {
        "id": range(ROWS),
        "share": [number / 7 for number in range(ROWS)],
        "small": pl.Series([number % 100 for number in range(ROWS)], dtype=pl.Int8),
        "yes": [number % 2 == 0 for number in range(ROWS)],
        "price": pl.Series([Decimal(number) / 4 for number in range(ROWS)], dtype=pl.Decimal(12, 2)),
        "day": [dt.date(2026, 1, 1 + number % 5) for number in range(ROWS)],
        "at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=one) for one in range(ROWS)],
        "some": [None if number % 10 == 0 else number for number in range(ROWS)],
        "user": [{"age": float(number), "name": "x"} for number in range(ROWS)],
        "text": ["x"] * ROWS,
    }
)
PLAIN = ["id", "share", "small", "at", "user.age"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two files, which are one version each."""
    uri = tmp_path_factory.mktemp("features") / "table"
    for part in (FRAME[:600], FRAME[600:]):
        write_deltalake(uri, part.to_arrow(), mode="append")
    return str(uri)


def address(values: Any) -> int:
    return int(values.__array_interface__["data"][0])


def test_columns_that_numpy_has_are_the_memory_of_arrow(table: str) -> None:
    found = read_features(table, PLAIN)

    columns = found.columns()

    assert found.copied() == {}
    for name, values in columns.items():
        chunk = found.arrow()[name].chunk(0)
        width = values.dtype.itemsize
        assert address(values) == chunk.buffers()[1].address + chunk.offset * width
        assert not values.flags.writeable
    assert columns["at"].dtype == "datetime64[us]"


def test_columns_of_several_files_equal_the_rows(table: str) -> None:
    columns = read_features(table, [*PLAIN, "yes", "price", "day"]).columns()

    order = np.argsort(columns["id"])
    expected = FRAME.with_columns(pl.col("user").struct.field("age").alias("user.age"))
    for name, values in columns.items():
        assert values[order].tolist() == expected[name].cast(_as_numpy_has(name)).to_numpy().tolist()


def _as_numpy_has(name: str) -> Any:
    return pl.Float64() if name == "price" else FRAME.schema.get(name, pl.Float64())


def test_columns_that_were_copied_are_told_with_the_reason(table: str) -> None:
    found = read_features(table, ["id", "yes", "price", "day", "some"], nulls="nan")

    assert found.copied() == {
        "yes": "booleans are bits in Arrow",
        "price": "decimals as the nearest float64",
        "day": "dates are shorter in Arrow",
        "some": "100 nulls",
    }
    assert found.columns()["yes"] is found.columns()["yes"]


def test_columns_of_several_chunks_are_copied_once_and_told() -> None:
    found = Features(pa.table({"a": pa.chunked_array([[1, 2], [3]])}), 0)

    assert found.columns()["a"].tolist() == [1, 2, 3]
    assert found.copied() == {"a": "2 chunks"}
    assert [batch.columns["a"].tolist() for batch in found.batches(2)] == [[1, 2], [3]]


def test_columns_of_an_array_with_an_offset_begin_there() -> None:
    array = pa.array(range(10)).slice(3, 4)

    values = Features(pa.table({"a": array}), 0).columns()["a"]

    assert values.tolist() == [3, 4, 5, 6]
    assert address(values) == array.buffers()[1].address + 3 * 8


def test_columns_refuse_nulls_unless_they_may_become_nan(table: str) -> None:
    with pytest.raises(FeatureError, match="nulls") as caught:
        read_features(table, ["some"]).columns()
    assert caught.value.where == "some"
    assert caught.value.next_step == (
        'leave these rows out with where=pl.col("some").is_not_null(), or give nulls="nan"'
    )

    found = read_features(table, ["some", "id"], nulls="nan").columns()
    assert found["some"].dtype == np.float64
    assert (np.isnan(found["some"]) == (found["id"] % 10 == 0)).all()


def test_columns_of_times_and_booleans_have_their_own_nulls() -> None:
    at = pa.array([0, None], pa.timestamp("us"))
    days = pa.array([dt.date(2026, 1, 1), None])
    table = pa.table({"at": at, "day": days, "yes": [True, None]})

    columns = Features(table, 0, "nan").columns()

    assert np.isnat(columns["at"]).tolist() == np.isnat(columns["day"]).tolist() == [False, True]
    assert columns["yes"][0] == 1
    assert np.isnan(columns["yes"][1])


def test_columns_of_large_integers_beside_nulls_are_refused() -> None:
    with pytest.raises(FeatureError, match="float64 does not hold"):
        Features(pa.table({"a": [None, 2**53 + 1]}), 0, "nan").columns()


@pytest.mark.parametrize("order", ["C", "F"])
def test_matrix_holds_all_columns_in_the_order_asked_for(table: str, order: Any) -> None:
    matrix = read_features(table, ["id", "user.age", "yes", "price"]).matrix(np.float64, order)

    assert matrix.shape == (ROWS, 4)
    assert matrix.flags.f_contiguous == (order == "F")
    assert matrix.flags.writeable
    ids = matrix[:, 0]
    assert (matrix == np.stack([ids, ids, ids % 2 == 0, ids / 4], axis=1)).all()


def test_matrix_takes_no_second_one_to_make() -> None:
    rows = 500_000
    found = Features(pa.table({name: np.arange(rows) for name in "abcd"} | {"e": [None] * rows}), 0, "nan")
    found = Features(found.arrow().set_column(4, "e", pa.array([None] * rows, pa.float64())), 0, "nan")

    tracemalloc.start()
    matrix = found.matrix()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert matrix.nbytes == rows * 5 * 4
    assert peak < matrix.nbytes + 4 * 2**20


def test_columns_without_copies_take_no_memory(table: str) -> None:
    found = read_features(table, PLAIN)

    tracemalloc.start()
    found.columns()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < ROWS * 8


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1.5], np.int64), ([300], np.int8), ([-1], np.uint8), ([1e300], np.float32), ([7], np.bool_)],
)
def test_matrix_refuses_what_it_cannot_hold(values: list[Any], dtype: Any) -> None:
    with pytest.raises(FeatureError) as caught:
        Features(pa.table({"a": values}), 0).matrix(dtype)

    assert caught.value.where == "a"


def test_matrix_of_texts_or_nulls_is_refused(table: str) -> None:
    with pytest.raises(FeatureError, match="fit"):
        read_features(table, ["text"]).matrix()
    with pytest.raises(FeatureError, match="nulls"):
        read_features(table, ["some"]).matrix()
    with pytest.raises(FeatureError, match="nulls"):
        read_features(table, ["some"], nulls="nan").matrix(np.int64)


def test_matrix_can_be_taken_over_by_other_libraries_without_a_copy(table: str) -> None:
    found = read_features(table, ["id", "share"])

    matrix = found.matrix()
    column = found.arrow()["share"].chunk(0)

    assert address(np.from_dlpack(matrix)) == address(matrix)
    assert address(np.from_dlpack(column)) == column.buffers()[1].address


def test_batches_hold_exactly_so_many_rows_and_copy_nothing(table: str) -> None:
    found = read_features(table, ["id", "share"])
    whole = found.columns()

    batches = list(found.batches(256))

    assert [batch.arrow.num_rows for batch in batches] == [256, 256, 256, 232]
    for number, batch in enumerate(batches):
        assert address(batch.columns["id"]) == address(whole["id"]) + number * 256 * 8
        assert batch.arrow["id"].to_numpy().tolist() == batch.columns["id"].tolist()


def test_batches_as_they_are_read_are_the_same_rows(table: str) -> None:
    batches = list(feature_batches(table, ["id", "some"], 256, nulls="nan"))

    assert [batch.arrow.num_rows for batch in batches] == [256, 256, 256, 232]
    assert sorted(np.concatenate([batch.columns["id"] for batch in batches])) == list(range(ROWS))


def test_batches_of_no_rows_are_refused(table: str) -> None:
    with pytest.raises(ValueError, match="not 0"):
        next(read_features(table, ["id"]).batches(0))
    with pytest.raises(ValueError, match="not 0"):
        next(feature_batches(table, ["id"], 0))


def test_features_are_those_of_one_version_and_one_condition(table: str) -> None:
    found = read_features(table, ["id"], version=0, where=pl.col("id") >= 590)

    assert found.version == 0
    assert sorted(found.columns()["id"].tolist()) == list(range(590, 600))
    assert read_features(table, ["id"], where=pl.col("id") < 0).matrix().shape == (0, 1)


def test_features_that_are_not_there_are_refused(table: str, tmp_path: Path) -> None:
    with pytest.raises(TableSchemaError):
        read_features(table, ["user.nope"])
    with pytest.raises(NotFoundError):
        read_features(str(tmp_path / "none"), ["id"])


def test_reading_takes_the_data_once_and_one_column_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, rows, uri = "abcdefgh", 50_000, str(tmp_path / "table")
    for _ in range(8):
        write_deltalake(uri, pl.DataFrame({name: np.arange(rows) * 0.1 for name in names}), mode="append")
    monkeypatch.setattr("storage.skipping.features._COPIED_AT_ONCE", 2**20)
    before, peak, done = pa.total_allocated_bytes(), 0, Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.001):
            peak = max(peak, pa.total_allocated_bytes() - before)

    watching = Thread(target=watch)
    watching.start()
    found = read_features(uri, list(names))
    done.set()
    watching.join()

    data = found.arrow().nbytes
    assert data == 8 * rows * len(names) * 8
    assert data <= peak < 1.6 * data

"""Every way to read a table gives the same rows, whatever their types and wherever the table lies."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.errors import NotFoundError, StorageError, TableSchemaError
from storage.skipping.measured import Measured
from storage.skipping.reader import TableReader, read_table
from storage.tables.content_hash import content_hash
from tests.conftest import Store
from tests.storage.layout.test_layout import AWKWARD
from tests.storage.skipping.skipping_tables import write_ours

TYPES = pl.DataFrame(
    {
        "n": range(6),
        "p": [*AWKWARD[:5], None],
        "kind": ["a", "b", None, "a", "b", "c"],
        "lists": [[{"a": 1, "b": "x"}], [], None, [None], [{"a": None, "b": None}], [{"a": 2, "b": "é"}]],
        "raw": [b"\x00\xff", None, b"", b"x", b"y", b"z"],
        "deep": [{"in": {"x": 1, "l": [1]}}, {"in": None}, None, {"in": {"x": None, "l": None}}] * 1
        + [{"in": {"x": 5, "l": []}}] * 2,
        "amount": pl.Series(range(6)).cast(pl.Decimal(38, 10)),
        "small": pl.Series([1, -1, None, 127, -128, 0], dtype=pl.Int8),
        "single": pl.Series([0.1, float("nan"), float("inf"), None, -0.0, 1.0], dtype=pl.Float32),
        "none": pl.Series([None] * 6, dtype=pl.Int64),
    },
    schema_overrides={"kind": pl.Categorical},
)


def in_all_ways(reader: TableReader) -> list[pl.DataFrame]:
    batches = reader.batches().read_all()
    found = [pl.DataFrame(batches), pl.DataFrame(reader.dataset().to_table())]
    return [reader.lazy().collect(), reader.lazy().collect(engine="streaming"), *found]


def test_read_every_type_gives_the_rows_that_were_written(store: Store) -> None:
    reader = read_table(write_ours(store.at("env=prod é/t"), TYPES, partition_by=["p"], batches=2))
    expected = content_hash(TYPES.lazy())

    assert [content_hash(found.lazy()) for found in in_all_ways(reader)] == [expected] * 4


def test_read_a_table_that_has_grown_gives_null_where_files_have_no_such_column(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    first = pl.DataFrame({"n": [1, 2], "s": [{"x": 1}, None]})
    second = pl.DataFrame({"n": [3], "s": [{"x": 3, "y": "new"}], "more": [7]})
    write_deltalake(uri, first.to_arrow())
    write_deltalake(uri, second.to_arrow(), mode="append", schema_mode="merge")
    reader = read_table(uri)

    both = pl.concat([first, second], how="diagonal_relaxed")
    for found in in_all_ways(reader):
        assert found.sort("n").select("n", "more").equals(both.select("n", "more"))
        assert found.sort("n")["s"].struct.field("y").to_list() == [None, None, "new"]
    for where, expected in (
        (pl.col("more").is_null(), [1, 2]),
        (pl.col("more") == 7, [3]),
        (pl.col("s").struct.field("y") == "new", [3]),
        (pl.col("s").struct.field("y").is_null(), [1, 2]),
        (pl.col("more").is_not_null() | (pl.col("n") == 1), [1, 3]),
    ):
        assert sorted(reader.query(where, ["n"]).collect()["n"]) == expected


def test_read_a_table_without_rows_gives_none(tmp_path: Path) -> None:
    uri = str(tmp_path / "t")
    DeltaTable.create(uri, pa.schema([("a", pa.int64()), ("s", pa.struct([("x", pa.string())]))]))
    reader = read_table(uri)

    for found in in_all_ways(reader):
        assert (found.height, found.columns) == (0, ["a", "s"])
    assert list(reader.batches(pl.col("a") > 1, ["s.x"])) == []
    assert reader.dataset(pl.col("a") > 1).count_rows() == 0


def test_read_some_rows_stops_early_and_counts_need_no_column(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(5000)})
    reader = read_table(write_ours(str(tmp_path / "t"), rows, row_group_rows=100))

    assert reader.lazy().head(7).collect().height == 7
    assert reader.lazy().filter(pl.col("n") >= 4000).head(3).collect().height == 3
    assert reader.lazy().select(pl.len()).collect().item() == 5000
    assert reader.lazy().filter(pl.col("n") >= 4990).select(pl.len()).collect().item() == 10
    assert reader.lazy().filter(pl.col("n") == pl.col("n").max()).collect()["n"].to_list() == [4999]


def test_read_and_filter_by_a_field_that_was_asked_for_by_its_path(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": range(100), "s": [{"x": number} for number in range(100)]})
    reader, took = read_table(write_ours(str(tmp_path / "t"), rows, row_group_rows=10)), Measured()

    found = reader.query(None, ["n", "s.x"], took).filter(pl.col("s.x") > 95).collect()

    assert found.sort("n").rows() == [(number, number) for number in range(96, 100)]
    assert took.row_groups_by_statistics == 9


def test_read_a_large_file_takes_it_in_runs_of_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pl.DataFrame({"n": range(1000)})
    reader = read_table(write_ours(str(tmp_path / "t"), rows, row_group_rows=100))
    group = next(reader.dataset().get_fragments()).metadata.row_group(0).total_byte_size

    for allowed, expected in ((1, [1] * 8), (3 * group, [3, 3, 2]), (2**26, [8])):
        monkeypatch.setattr("storage.skipping.plan._RUN_BYTES", allowed)
        runs = list(reader.dataset(pl.col("n") >= 200).get_fragments())
        assert [run.num_row_groups for run in runs] == expected
        assert reader.query(pl.col("n") >= 200).collect()["n"].sort().to_list() == list(range(200, 1000))


def test_read_a_table_with_deletion_vectors_leaves_it_to_polars(tmp_path: Path) -> None:
    uri = write_ours(str(tmp_path / "t"), pl.DataFrame({"n": range(10)}))
    reader = read_table(uri)
    assert reader.is_plain()

    table = DeltaTable(uri)
    table.alter.add_feature(
        [__import__("deltalake").TableFeatures.DeletionVectors], allow_protocol_versions_increase=True
    )
    reader = read_table(uri)

    assert not reader.is_plain()
    assert sorted(reader.query(pl.col("n") > 7, ["n"]).collect()["n"]) == [8, 9]


def test_read_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_table(str(tmp_path / "nothing"))
    uri = write_ours(str(tmp_path / "t"), pl.DataFrame({"n": [1], "s": [{"x": 1}]}))
    for path in ("m", "s.y", "n.x"):
        with pytest.raises(TableSchemaError, match="no such column"):
            read_table(uri).query(None, [path])
    with pytest.raises(StorageError, match="could not read the table"):
        list(read_table(uri).batches(pl.col("m") == 1))


def test_read_a_file_that_is_gone_says_so(store: Store) -> None:
    uri = write_ours(store.at("t"), pl.DataFrame({"n": [1]}))
    reader = read_table(uri)
    store.remove(f"t/{reader.files()['path'][0]}")

    with pytest.raises(StorageError, match="could not read the table"):
        list(reader.batches())

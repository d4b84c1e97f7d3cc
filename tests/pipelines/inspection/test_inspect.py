"""Files and tables wherever they lie; damaged ones end the process that reads them and nothing else."""

from __future__ import annotations

import gzip
from pathlib import Path
from random import Random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from config.settings import Settings
from pipelines.errors import InspectionError, QueryError
from pipelines.inspection.file import SAMPLE_BYTES
from pipelines.inspection.inspect import inspect
from storage.errors import NotFoundError
from tests.conftest import Store

SETTINGS = Settings.from_environment({})
TABLE = pa.table({"x": range(100), "t": [f"t{number:03}" for number in range(100)]})


def parquet_bytes(table: pa.Table, rows: int = 25) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=rows)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def make_table(uri: str) -> str:
    for day in range(3):
        rows = pl.DataFrame({"x": range(day * 10, day * 10 + 10), "day": [day] * 10, "t": ["x"] * 10})
        write_deltalake(uri, rows.to_arrow(), partition_by=["day"], mode="append")
    return uri


def test_inspect_reads_a_file_wherever_it_lies(store: Store) -> None:
    path = store.put("file.parquet", parquet_bytes(TABLE))

    found = inspect(path, SETTINGS, ["x"])

    assert (found["path"], found["format"], found["rows"]) == (path, "Parquet", 100)
    assert found["bytes"] == len(parquet_bytes(TABLE))
    assert [one["column"] for one in found["ranges"]] == ["x"]
    assert found["memory"] is not None


def test_inspect_unpacks_what_is_compressed_and_goes_by_the_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(parquet_bytes(TABLE)))

    found = inspect(str(path), SETTINGS)

    assert (found["format"], found["bytes"]) == ("Parquet", path.stat().st_size)
    assert "compressed" in found["facts"]
    assert [one["column"] for one in found["ranges"]] == ["x", "t"]


def test_inspect_of_a_long_text_looks_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"n,t\n" + b"1,abcdefghij\n" * (SAMPLE_BYTES // 13 + 1000))

    found = inspect(str(path), SETTINGS)

    assert found["rows"] is None
    assert found["memory"] is not None
    assert found["memory"]["columns"][0]["rows"] == (SAMPLE_BYTES - 4) // 13
    assert found["memory"]["of"].startswith("the first ")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.parquet", parquet_bytes(TABLE)[:-20], "damaged"),
        ("b.arrow", b"ARROW1\0\0" + b"x" * 64, "damaged"),
        ("c.ndjson", b'{"a": 1}\n{"a": \n', "damaged"),
    ],
)
def test_inspect_of_a_damaged_file_says_so(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(data)

    with pytest.raises(InspectionError, match=words) as caught:
        inspect(str(tmp_path / name), SETTINGS)

    assert caught.value.where == str(tmp_path / name)
    assert caught.value.got


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", b"", "no line"),
        ("a.json", b'[{"a": 1}]', "format"),
        ("a.avro", b"Obj\x01", "format"),
        ("a.ndjson.gz", b"\x1f\x8b\x08nonsense", "unpacked"),
    ],
)
def test_inspect_of_what_it_cannot_read_starts_no_process(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(data)

    with pytest.raises(InspectionError, match=words):
        inspect(str(tmp_path / name), SETTINGS)


def test_inspect_of_a_file_that_wants_too_much_memory_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"x": pa.array(["x" * 1000] * 200_000)}), path)

    with pytest.raises(InspectionError, match="memory"):
        inspect(str(path), Settings.from_environment({"PENSTOCK_MEMORY": "64 MiB"}))


def test_inspect_of_nothing_says_so(store: Store) -> None:
    with pytest.raises(NotFoundError):
        inspect(store.at("nothing.parquet"), SETTINGS)


def test_inspect_of_a_table_tells_files_partitions_and_ranges(store: Store) -> None:
    found = inspect(make_table(store.at("table")), SETTINGS)

    assert (found["format"], found["rows"]) == ("Delta table", 30)
    assert found["facts"] == {"version": "2", "files": "3", "partitioned by": "day"}
    (day,) = found["ranges"]
    assert (day["column"], day["units"], day["lookup_reads"]) == ("day", "files", 1)
    x = found["chunks"][0]
    assert (x["path"], x["least"], x["greatest"]) == ("x", "0", "29")
    assert sorted(filter(None, day["low"])) == ["0", "1", "2"]
    assert found["memory"] is not None
    assert found["memory"]["columns"][0]["buffers"][1]["used_bytes"] == 80


def test_inspect_of_an_empty_table_tells_its_schema(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    write_deltalake(uri, pl.DataFrame(schema={"x": pl.Int64()}).to_arrow())

    found = inspect(uri, SETTINGS)

    assert (found["rows"], found["schema"][0]["name"]) == (0, "x")
    assert [one["lookup_reads"] for one in found["ranges"]] == [None]


def test_inspect_of_a_column_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="column") as caught:
        inspect(make_table(str(tmp_path / "t")), SETTINGS, ["dayy"])

    assert caught.value.expected == "one of x, day, t"
    assert caught.value.next_step == "did you mean 'day'?"


@pytest.mark.long
def test_inspect_of_mutated_files_ends_with_a_document_or_an_error(tmp_path: Path) -> None:
    random, path = Random(7), tmp_path / "file.parquet"
    data = parquet_bytes(TABLE)
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(random.randint(1, 8)):
            changed[random.randrange(len(changed))] = random.randrange(256)
        path.write_bytes(changed)
        try:
            assert inspect(str(path), SETTINGS)["format"] == "Parquet"
        except InspectionError as error:
            assert error.what

"""What is told of files of each format."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.inspection.ipc import inspect_ipc
from pipelines.inspection.text import inspect_text
from storage.buffers.memory import memory
from tests.pipelines.inspection.looked_at import finished, opened, parquet

NUMBERS = pa.table({"x": pa.array(range(100)), "t": [f"t{number:03}" for number in range(100)]})


def buffers_of(found: Any, path: str) -> dict[str, int]:
    (column,) = (one for one in found["memory"]["columns"] if one["path"] == path)
    return {one["kind"]: one["used_bytes"] for one in column["buffers"]}


def test_parquet_tells_row_groups_chunks_and_ranges(tmp_path: Path) -> None:
    found = parquet(tmp_path, NUMBERS, 25, compression="zstd", write_page_index=True)

    assert (found["rows"], found["row_groups"]) == (
        100,
        {"rows": [25] * 4, "bytes": pytest.approx([400] * 4, rel=0.9)},
    )
    x, _ = found["chunks"]
    assert (x["path"], x["physical_type"], x["compression"]) == ("x", "INT64", ["ZSTD"])
    assert (x["chunks"], x["statistics"], x["page_indexes"], x["bloom_filters"], x["nulls"]) == (
        4,
        4,
        4,
        0,
        0,
    )
    assert (x["least"], x["greatest"]) == ("0", "99")
    one, text = found["ranges"]
    assert (one["low"], one["high"]) == (["0", "25", "50", "75"], ["24", "49", "74", "99"])
    assert (one["lookup_reads"], text["lookup_reads"]) == (1, 1)
    assert text["low"][1] == "t025"


def test_parquet_tells_bloom_filters(tmp_path: Path) -> None:
    found = parquet(tmp_path, NUMBERS, 50, bloom_filter_options={"x": {"ndv": 100, "fpp": 0.1}})

    assert [one["bloom_filters"] for one in found["chunks"]] == [2, 0]


def test_parquet_memory_is_that_of_each_row_group_as_it_is_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": pa.array([None if number % 10 == 0 else number for number in range(1000)]),
            "a.b": [["x"]] * 1000,
            "s": [{"a": 1, "b": "y"}] * 1000,
            "d": pa.array(["u", "v"] * 500).dictionary_encode(),
        }
    )
    found = parquet(tmp_path, table, 250)

    file = pq.ParquetFile(tmp_path / "file.parquet")
    expected = [memory(file.read_row_group(group)) for group in range(4)]
    assert found["memory"]["used_bytes"] == sum(one.used for one in expected)  # type: ignore[index]
    assert buffers_of(found, "n") == {"validity": 4 * 32, "values": 8000}
    assert buffers_of(found, "d.dictionary") == {"validity": 0, "offsets": 4 * 12, "data": 4 * 2}


def test_parquet_ranges_are_of_every_type_with_an_order(tmp_path: Path) -> None:
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    columns = {
        "i": [1, 2, 3, 4],
        "f": [0.5, 1.5, 2.5, 3.5],
        "yes": [False, False, True, True],
        "d": [Decimal("1.5"), Decimal("2.5"), Decimal("3.5"), Decimal("4.5")],
        "day": [dt.date(2026, 1, day) for day in (1, 2, 3, 4)],
        "at": [at + dt.timedelta(hours=hour) for hour in range(4)],
        "s": [{"t": text} for text in "abcd"],
        "raw": [b"a", b"b", b"c", b"d"],
        "l": [[1], [2], [3], [4]],
        "none": pa.array([None] * 4, pa.int64()),
    }

    found = parquet(tmp_path, pa.table(columns), 2)

    told = {one["column"]: one for one in found["ranges"]}
    assert list(told) == ["i", "f", "yes", "d", "day", "at", "s.t", "none"]
    assert {name for name, one in told.items() if one["lookup_reads"] == 1} == set(told) - {"none"}
    assert told["d"]["low"] == ["1.5", "3.5"]
    assert str(told["at"]["high"][0]).startswith("2026-01-01 01:00:00")
    assert (told["none"]["nothing_but_null"], told["none"]["lookup_reads"]) == (2, None)


def test_parquet_without_statistics_says_so(tmp_path: Path) -> None:
    found = parquet(tmp_path, NUMBERS, 50, write_statistics=False)

    assert [one["statistics"] for one in found["chunks"]] == [0, 0]
    assert [(one["unknown"], one["lookup_reads"]) for one in found["ranges"]] == [(2, None)] * 2


def test_parquet_without_rows_is_told(tmp_path: Path) -> None:
    found = parquet(tmp_path, NUMBERS[:0], 50)

    assert (found["rows"], [one["name"] for one in found["schema"]]) == (0, ["x", "t"])


def write_ipc(path: Path, batches: list[Any], *, stream: bool, **options: Any) -> Path:
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with (
        pa.OSFile(str(path), "wb") as sink,
        make(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
    return path


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_ipc_tells_what_its_batches_take(tmp_path: Path, stream: bool, compression: str | None) -> None:
    words = pa.array(["word"] * 3).dictionary_encode()
    batches = [pa.record_batch({"n": pa.array([1, None, 3]), "w": words}) for _ in range(2)]

    found = finished(
        inspect_ipc(opened(write_ipc(tmp_path / "f", batches, stream=stream, compression=compression)))
    )

    assert found["format"] == ("Arrow IPC stream" if stream else "Arrow IPC file")
    assert (found["rows"], found["facts"]) == (6, {"record batches": "2"})
    assert buffers_of(found, "n") == {"validity": 2, "values": 48}
    assert buffers_of(found, "w") == {"validity": 0, "indices": 24}
    assert buffers_of(found, "w.dictionary") == {"validity": 0, "offsets": 8, "data": 4}


def test_ipc_of_ten_million_numbers_takes_values_and_validity(tmp_path: Path) -> None:
    numbers = np.arange(10_000_000)
    batch = pa.record_batch({"x": pa.array(numbers, mask=numbers % 100 == 0)})

    found = finished(inspect_ipc(opened(write_ipc(tmp_path / "f", [batch], stream=False))))

    assert buffers_of(found, "x") == {"validity": 1_250_000, "values": 80_000_000}


def test_text_is_decoded_and_says_how_much_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n;t\n1;x\n2;y\n")
    (tmp_path / "a.ndjson").write_text('{"n": 1, "s": {"t": "x"}}\n{"n": 2}\n')

    csv = finished(inspect_text(opened(tmp_path / "a.csv"), "csv", ";", is_whole=True))
    json = finished(inspect_text(opened(tmp_path / "a.ndjson"), "ndjson", ",", is_whole=False))

    assert (csv["rows"], json["rows"]) == (2, None)
    assert [one["type"] for one in csv["schema"]] == ["int64", "string"]
    assert buffers_of(csv, "n") == {"validity": 0, "values": 16}
    assert [one["path"] for one in json["memory"]["columns"]] == ["n", "s", "s.t"]  # type: ignore[index]
    assert json["memory"]["of"] == "the first 2 records (35 bytes)"  # type: ignore[index]

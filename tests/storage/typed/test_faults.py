"""Whatever a file does to the process that reads it, costs that file and nothing else."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.formats import TypedFormat
from storage.reading.block_builder import Damage
from storage.reading.rows import Rows
from storage.reading.typed.reader_process import ReaderProcess
from storage.reading.typed.wire import Outcome, Request
from storage.reading.typed_files import read_rows
from tests.conftest import Store
from tests.storage.typed.avro_files import avro, container, record
from tests.storage.typed.typed_reading import (
    MEMORY_BYTES,
    MIB,
    NUMBERS,
    children,
    damages,
    ipc_file,
    ipc_stream,
    parquet,
    read,
    table,
)

FEW = NUMBERS.slice(0, 300)
SEEDS: list[tuple[TypedFormat, bytes]] = [
    ("parquet", parquet(FEW, row_group_size=100)),
    ("parquet", parquet(FEW, compression="zstd", use_dictionary=False, data_page_version="2.0")),
    ("ipc", ipc_file(FEW, rows_a_batch=100)),
    ("ipc", ipc_stream(FEW, rows_a_batch=100, compression="lz4")),
    ("avro", avro(FEW, rows_a_block=100)),
    ("avro", avro(FEW, rows_a_block=100, codec="deflate")),
]
FILES_AN_EXAMPLE = 20


def bomb() -> bytes:
    """A megabyte of text, stored once, that a million rows hold."""
    indices = pa.array(np.zeros(1_000_000, np.int32))
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * MIB]))
    return parquet(pa.table({"a": column}), store_schema=False)


def test_read_rows_of_a_child_that_is_killed_keeps_the_rows_before_and_goes_on(store: Store) -> None:
    data, good = parquet(pa.concat_tables([NUMBERS] * 20), row_group_size=20_000), parquet()
    paths = [store.put("a", data), store.put("b", good)]
    before = children()
    items = read_rows(
        paths,
        [len(data), len(good)],
        formats=["parquet"] * 2,
        batch_bytes=16 * 1024,
        max_record_bytes=MIB,
        max_unpacked_bytes=MIB,
        memory_bytes=MEMORY_BYTES,
    )

    found = [next(items)]
    [child] = children() - before
    os.kill(child, signal.SIGKILL)
    found += items

    rows, [damage] = table(found), damages(found)
    assert rows is not None
    assert 0 < rows.num_rows < 20 * NUMBERS.num_rows
    assert damage == Damage(0, 0, len(data), "reader_crashed", b"")
    assert table(found, 1) == NUMBERS


def test_read_rows_of_a_bomb_stays_within_its_memory_and_goes_on(store: Store) -> None:
    data, good = bomb(), parquet()
    paths = [store.put(name, one) for name, one in (("a", data), ("b", good))]

    items = read(paths, "parquet", sizes=[len(data), len(good)], memory_bytes=32 * MIB)

    assert damages(items) == [Damage(0, 0, len(data), "reader_crashed", data)]
    assert table(items, 1) == NUMBERS


def test_read_rows_reads_a_value_that_many_rows_share_in_small_batches(tmp_path: Path) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(500, np.int32)), pa.array(["x" * 100_000]))
    (tmp_path / "a").write_bytes(parquet(pa.table({"a": column}), store_schema=False))

    items = read([str(tmp_path / "a")], "parquet", memory_bytes=64 * MIB)

    found = table(items)
    assert found is not None
    assert found.num_rows == 500
    assert max(item.batch.num_rows for item in items if isinstance(item, Rows)) == 1


def test_read_rows_of_one_endless_list_of_nulls_is_a_damage_and_goes_on(store: Store) -> None:
    endless = pa.ListArray.from_arrays(pa.array([0, 2**31 - 1], pa.int32()), pa.nulls(2**31 - 1))
    data, good = ipc_file(pa.table({"a": endless})), ipc_file()
    paths = [store.put(name, one) for name, one in (("a", data), ("b", good))]

    items = read(paths, "ipc", sizes=[len(data), len(good)], memory_bytes=64 * MIB)

    assert damages(items) == [Damage(0, 0, len(data), "reader_crashed", data)]
    assert table(items, 1) == NUMBERS


@pytest.mark.parametrize(
    "column",
    [pa.nulls(100_000), pa.array(np.zeros(100_000, bool)), pa.array([[{}]] * 100_000)],
    ids=["nulls", "bits", "nothing"],
)
def test_read_rows_of_hardly_any_bytes_come_in_small_batches(tmp_path: Path, column: pa.Array) -> None:
    (tmp_path / "a").write_bytes(ipc_file(pa.table({"a": column}), rows_a_batch=100_000))

    items = read([str(tmp_path / "a")], "ipc", batch_bytes=16 * 1024)

    found = table(items)
    assert found is not None
    assert found.num_rows == 100_000
    assert max(item.batch.num_rows for item in items if isinstance(item, Rows)) <= 2048


def test_read_ends_a_child_that_makes_no_progress(tmp_path: Path) -> None:
    endless = container(
        record(a={"type": "array", "items": "null"}),
        [(100, (b"\xfe\xff\xff\xff\x0f" + b"\0") * 100)],
    )
    (tmp_path / "a").write_bytes(endless)
    process = ReaderProcess(memory_bytes=MEMORY_BYTES, step_seconds=1)

    outcome = _outcome(process, tmp_path / "a", "avro")

    assert outcome.damage == "reader_crashed"


def test_read_ends_a_child_that_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(parquet())
    process = ReaderProcess(memory_bytes=MEMORY_BYTES, step_seconds=1)
    assert _outcome(process, tmp_path / "a", "parquet") == Outcome()
    stopped = process.pid
    assert stopped
    os.kill(stopped, signal.SIGSTOP)

    assert _outcome(process, tmp_path / "a", "parquet").damage == "reader_crashed"
    process._step_seconds = 60  # the next one may take its time to start
    assert _outcome(process, tmp_path / "a", "parquet") == Outcome()
    assert process.pid != stopped
    process.close()


def test_read_leaves_a_child_alone_that_waits_for_the_next_file(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"bad")
    (tmp_path / "good").write_bytes(parquet())
    process = ReaderProcess(memory_bytes=MEMORY_BYTES, step_seconds=1)
    assert _outcome(process, tmp_path / "bad", "parquet").damage == "corrupt_file"
    first = process.pid

    time.sleep(1.5)

    assert _outcome(process, tmp_path / "good", "parquet") == Outcome()
    assert process.pid == first
    process.close()


def test_child_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(parquet())
    process = ReaderProcess(memory_bytes=MEMORY_BYTES)
    assert _outcome(process, tmp_path / "a", "parquet") == Outcome()
    child = process._child
    assert child is not None
    assert process._connection is not None

    process._connection.close()  # as the system does for a parent that is gone

    assert child.wait(10) == 0
    process.close()


def test_child_is_given_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (tmp_path / "a").write_bytes(parquet())
    process = ReaderProcess(memory_bytes=MEMORY_BYTES)
    assert _outcome(process, tmp_path / "a", "parquet") == Outcome()

    environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    process.close()

    assert b"AWS_" not in environment


def test_read_rows_serves_many_files_by_one_child(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(parquet(FEW))
    before = children()
    seen = set()

    items = read_rows(
        [str(tmp_path / "a")] * 50,
        [1] * 50,
        formats=["parquet"] * 50,
        batch_bytes=MIB,
        max_record_bytes=MIB,
        max_unpacked_bytes=MIB,
        memory_bytes=MEMORY_BYTES,
    )
    for _ in items:
        seen |= children() - before

    assert len(seen) == 1


def mutations(seed: bytes) -> st.SearchStrategy[bytes]:
    """The seed with a few bytes changed, cut out, or cut off; near its ends as often as anywhere."""
    place = (
        st.integers(0, len(seed) - 1) | st.integers(0, 200) | st.integers(1, 400).map(lambda n: len(seed) - n)
    )

    def changed(places: list[int], new: list[bytes], cut: int | None) -> bytes:
        data = bytearray(seed)
        for at, piece in zip(places, new, strict=False):
            data[max(at, 0) : max(at, 0) + len(piece)] = piece
        return bytes(data[: len(data) if cut is None else max(cut, 0)])

    pieces = st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4)
    return st.builds(changed, st.lists(place, min_size=1, max_size=4), pieces, st.none() | place)


@settings(max_examples=12)
@given(data=st.data(), seed=st.sampled_from(SEEDS))
def test_read_rows_of_broken_files_gives_rows_and_then_a_damage_at_most(
    data: st.DataObject, seed: tuple[TypedFormat, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    form, whole = seed
    broken = data.draw(st.lists(mutations(whole), min_size=1, max_size=FILES_AN_EXAMPLE))
    files = [part for one in broken for part in (one, whole)]
    for number, part in enumerate(files):
        (folder / f"{number}").write_bytes(part)

    items = read([str(folder / f"{number}") for number in range(len(files))], form, memory_bytes=128 * MIB)

    for number in range(len(files)):
        kinds = [type(item) for item in items if item.file == number]
        assert kinds.count(Damage) <= 1
        assert Damage not in kinds[:-1]
        table(items, number)
        if number % 2:
            assert table(items, number) == FEW
    assert [item.file for item in items] == sorted(item.file for item in items)


def _outcome(process: ReaderProcess, path: Path, form: TypedFormat) -> Outcome:
    """How the reading of a file ended."""
    with path.open("rb") as file:
        answers = process.read(file.fileno(), Request(form, 1 << 16))
        while True:
            try:
                next(answers)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome

"""Rows of Parquet and Arrow IPC files come out as they were written, or the damage is told."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from config.formats import TypedFormat
from storage.errors import FileChangedError, FileVanishedError
from storage.reading.block_builder import Damage
from storage.reading.rows import Rows
from storage.reading.typed.reader_process import ReaderProcess
from storage.reading.typed_files import read_rows
from tests.conftest import Store
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

FORMATS: list[tuple[TypedFormat, Callable[[], bytes]]] = [
    ("parquet", parquet),
    ("ipc", ipc_file),
    ("ipc", ipc_stream),
]


@pytest.mark.parametrize(("form", "write"), FORMATS)
def test_read_rows_gives_what_was_written_in_order(
    store: Store, form: TypedFormat, write: Callable[[], bytes]
) -> None:
    data = write()
    path = store.put("a", data)

    items = read([path, path], form, sizes=[len(data)] * 2)

    assert table(items, 0) == NUMBERS
    assert table(items, 1) == NUMBERS
    assert not damages(items)
    assert [item.file for item in items] == sorted(item.file for item in items)


@pytest.mark.parametrize(("form", "write"), FORMATS)
def test_read_rows_keeps_batches_near_their_size(
    tmp_path: Path, form: TypedFormat, write: Callable[[], bytes]
) -> None:
    (tmp_path / "a").write_bytes(write())

    sizes = [item.batch.nbytes for item in read([str(tmp_path / "a")], form) if isinstance(item, Rows)]

    assert max(sizes) < 2 * 64 * 1024


def test_read_rows_reads_a_mapped_ipc_batch_in_small_pieces_that_own_their_memory(tmp_path: Path) -> None:
    rows = pa.table({"a": range(100_000), "v": pa.array(["x" * 40] * 100_000, pa.string_view())})
    (tmp_path / "a").write_bytes(ipc_file(rows, rows_a_batch=100_000))

    items = read([str(tmp_path / "a")], "ipc")

    batches = [item.batch for item in items if isinstance(item, Rows)]
    assert len(batches) > 20
    assert all(batch.get_total_buffer_size() < 256 * 1024 for batch in batches)
    found = table(items)
    assert found is not None
    assert found["v"].type == pa.large_string()
    assert found["a"].equals(rows["a"])


def test_read_rows_passes_on_the_types_that_arrow_gives(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
            "runs": pa.RunEndEncodedArray.from_arrays([3, 4], ["x", "y"]),
            "map": pa.array([[("k", 1)], None, [], [("l", None)]], pa.map_(pa.string(), pa.int8())),
            "uuid": pa.array([b"0123456789abcdef"] * 4, pa.uuid()),
            "nothing": pa.nulls(4),
        }
    )
    (tmp_path / "a").write_bytes(ipc_stream(rows))

    assert table(read([str(tmp_path / "a")], "ipc")) == rows


def test_read_rows_takes_dictionaries_that_are_replaced_in_a_stream(tmp_path: Path) -> None:
    parts = [pa.array(words).dictionary_encode() for words in (["a", "b"], ["c"], ["c", "d"])]
    with pa.ipc.new_stream(str(tmp_path / "a"), pa.schema([("w", parts[0].type)])) as writer:
        for part in parts:
            writer.write_batch(pa.record_batch([part], ["w"]))

    found = table(read([str(tmp_path / "a")], "ipc"))

    assert found is not None
    assert found["w"].to_pylist() == ["a", "b", "c", "c", "d"]


def test_read_rows_passes_on_columns_of_one_name(tmp_path: Path) -> None:
    batch = pa.record_batch([pa.array([1]), pa.array(["x"])], ["a", "a"])
    (tmp_path / "a").write_bytes(ipc_file(pa.Table.from_batches([batch])))

    [item] = read([str(tmp_path / "a")], "ipc")

    assert isinstance(item, Rows)
    assert item.batch.equals(batch)


@pytest.mark.parametrize(("form", "write"), [("parquet", parquet), ("ipc", ipc_file), ("ipc", ipc_stream)])
def test_read_rows_of_a_file_without_rows_leaves_no_trace(
    tmp_path: Path, form: TypedFormat, write: Callable[[pa.Table], bytes]
) -> None:
    (tmp_path / "a").write_bytes(write(NUMBERS.slice(0, 0)))

    assert read([str(tmp_path / "a")], form) == []


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_read_rows_of_a_compressed_file_reads_what_it_holds(
    store: Store, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    data = compress(parquet())
    path = store.put(f"a.parquet{suffix}", data)

    assert table(read([path], "parquet", sizes=[len(data)])) == NUMBERS


def test_read_rows_of_a_truncated_compression_gives_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.arrows.gz"
    path.write_bytes(gzip.compress(ipc_stream())[:-5000])

    items = read([str(path)], "ipc")

    found, [damage] = table(items), damages(items)
    assert found is not None
    assert found.num_rows < NUMBERS.num_rows
    assert found == NUMBERS.slice(0, found.num_rows)
    assert damage.reason == "truncated_file"


@pytest.mark.parametrize(
    ("form", "data", "reason"),
    [
        ("parquet", parquet()[:-9], "truncated_file"),
        ("parquet", b"PAR1", "truncated_file"),
        ("parquet", b"", "truncated_file"),
        ("parquet", b"no Parquet at all", "corrupt_file"),
        ("parquet", parquet()[:-8] + b"\xff\xff\xff\x7fPAR1", "corrupt_file"),
        ("ipc", b"ARROW1\0\0", "truncated_file"),
        ("ipc", b"", "truncated_file"),
        ("ipc", b"\xff\xff\xff\xff", "corrupt_file"),
        ("ipc", b"no Arrow at all", "corrupt_file"),
        ("ipc", b"FEA1" + bytes(90), "unsupported_schema"),
    ],
)
def test_read_rows_keeps_the_bytes_of_a_file_that_cannot_be_opened(
    store: Store, form: TypedFormat, data: bytes, reason: str
) -> None:
    bad, good = store.put("bad", data), store.put("good", parquet())

    items = read([bad, good], [form, "parquet"], sizes=[len(data), len(parquet())], max_record_bytes=MIB)

    [damage] = damages(items)
    assert damage == Damage(0, 0, len(data), damage.reason, data)
    assert damage.reason == reason
    assert table(items, 1) == NUMBERS


def test_read_rows_leaves_out_damaged_bytes_that_are_too_many(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)

    assert read([str(tmp_path / "a")], "parquet", max_record_bytes=99) == [
        Damage(0, 0, 100, "corrupt_file", b"")
    ]


@pytest.mark.parametrize("write", [ipc_file, ipc_stream])
def test_read_rows_of_a_truncated_ipc_file_gives_the_batches_before(
    store: Store, write: Callable[[], bytes]
) -> None:
    data = write()[:-100_000]
    path = store.put("a", data)

    items = read([path], "ipc", sizes=[len(data)])

    found, [damage] = table(items), damages(items)
    assert found is not None
    assert NUMBERS.num_rows / 2 < found.num_rows < NUMBERS.num_rows
    assert found == NUMBERS.slice(0, found.num_rows)
    assert damage == Damage(0, 0, len(data), "truncated_file", b"")


def test_read_rows_of_a_damaged_page_gives_the_row_groups_before(store: Store) -> None:
    data = bytearray(parquet(row_group_size=1000, compression="zstd", use_dictionary=False))
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    path = store.put("a", bytes(data))

    items = read([path], "parquet", sizes=[len(data)])

    found, [damage] = table(items), damages(items)
    assert found is not None
    assert found == NUMBERS.slice(0, found.num_rows)
    assert found.num_rows > 5000
    assert (damage.reason, damage.length, damage.data) == ("corrupt_file", len(data), b"")


def test_read_rows_refuses_text_that_is_no_utf8(tmp_path: Path) -> None:
    text = pa.array([b"good", b"\xff bad"]).cast(pa.binary())
    wrong = pa.Array.from_buffers(pa.string(), 2, text.buffers())
    (tmp_path / "a").write_bytes(ipc_file(pa.table({"a": wrong})))

    [damage] = read([str(tmp_path / "a")], "ipc")

    assert isinstance(damage, Damage)
    assert damage.reason == "corrupt_file"


def test_read_rows_keeps_the_rows_before_text_that_is_no_utf8(tmp_path: Path) -> None:
    text = pa.array([b"x" * 100] * 5000 + [b"\xff"] + [b"y"] * 5000)
    wrong = pa.Array.from_buffers(pa.string(), len(text), text.cast(pa.binary()).buffers())
    (tmp_path / "a").write_bytes(ipc_file(pa.table({"a": wrong}), rows_a_batch=100_000))

    items = read([str(tmp_path / "a")], "ipc")

    found, [damage] = table(items), damages(items)
    assert found is not None
    assert 4000 < found.num_rows <= 5000
    assert damage.reason == "corrupt_file"


@pytest.mark.parametrize("inside", [False, True])
def test_read_rows_refuses_names_that_are_no_utf8(tmp_path: Path, inside: bool) -> None:
    column = pa.array([{"strange name": 1}]) if inside else pa.array([1])
    whole = ipc_stream(pa.table({"a" if inside else "strange name": column}))
    (tmp_path / "a").write_bytes(whole.replace(b"strange name", b"strange\xffname"))

    [damage] = damages(read([str(tmp_path / "a")], "ipc"))

    assert damage.reason == "corrupt_file"


@pytest.mark.parametrize("kind", [pa.list_view(pa.int64()), pa.list_(pa.timestamp("us", "Mars/Colony"))])
def test_read_rows_refuses_types_that_cannot_be_kept(tmp_path: Path, kind: pa.DataType) -> None:
    rows = pa.table({"a": pa.array([[1], [2, 3]], kind)})
    (tmp_path / "a").write_bytes(ipc_file(rows))

    [damage] = damages(read([str(tmp_path / "a")], "ipc"))

    assert damage.reason == "unsupported_schema"


def test_read_rows_refuses_a_file_that_has_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(parquet())

    with pytest.raises(FileChangedError):
        read([str(tmp_path / "a")], "parquet", identities=["1-1"])


def test_read_rows_refuses_a_file_that_has_vanished(store: Store) -> None:
    with pytest.raises(FileVanishedError):
        read([store.at("a")], "parquet", sizes=[9])


def test_read_rows_of_no_files_starts_nothing() -> None:
    assert read([], "parquet") == []


def test_read_rows_left_before_its_end_leaves_neither_a_process_nor_a_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(parquet())
    before = _descriptors(), children()
    items = read_rows(
        [str(path)] * 3,
        [path.stat().st_size] * 3,
        formats=["parquet"] * 3,
        batch_bytes=1000,
        max_record_bytes=MIB,
        max_unpacked_bytes=MIB,
        memory_bytes=MEMORY_BYTES,
        first_position=5,
    )

    assert next(items).file == 5
    assert len(children()) == len(before[1]) + 1
    items.close()

    assert _descriptors() <= before[0]  # connections of other tests may be closed meanwhile
    assert children() == before[1]


def _descriptors() -> set[tuple[str, str]]:
    """Number and target of each; the one that looks at them has a folder of its own."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add((path.name, str(path.readlink())))
    return {one for one in found if not one[1].endswith("/fd")}


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_read_rows_reads_nothing_of_a_file_that_is_too_large_without_its_compression(
    store: Store, suffix: str
) -> None:
    pack = gzip.compress if suffix == ".gz" else zstandard.compress
    bomb, data = pack(bytes(9 * MIB)), pack(parquet())
    paths = [store.put(f"a{suffix}", bomb), store.put(f"b{suffix}", data)]

    items = read(
        paths, "parquet", sizes=[len(bomb), len(data)], max_record_bytes=100 * MIB, max_unpacked_bytes=8 * MIB
    )

    [damage] = damages(items)
    assert (damage.file, damage.reason, damage.data) == (0, "too_large_unpacked", b"")
    assert damage.length <= 8 * MIB
    assert table(items, 1) == NUMBERS


def test_read_rows_takes_files_that_are_not_compressed_of_any_size(store: Store) -> None:
    data = parquet()
    assert table(read([store.put("a", data)], "parquet", sizes=[len(data)], max_unpacked_bytes=1)) == NUMBERS


def test_read_rows_holds_pages_against_their_checksums(tmp_path: Path) -> None:
    rows = pa.table({"a": [f"v{number}" for number in range(200)]})
    data = bytearray(parquet(rows, compression="none", use_dictionary=False, write_page_checksum=True))
    data[data.index(b"v150")] = ord("w")
    (tmp_path / "a").write_bytes(data)

    items = read([str(tmp_path / "a")], "parquet")

    assert items == [Damage(0, 0, len(data), "corrupt_file", bytes(data))]


@pytest.mark.parametrize("behind", [ipc_stream(), b"\0junk"], ids=["stream", "junk"])
def test_read_rows_tells_of_what_follows_a_stream(tmp_path: Path, behind: bytes) -> None:
    stream = ipc_stream()
    (tmp_path / "a").write_bytes(stream + behind)

    items = read([str(tmp_path / "a")], "ipc")

    assert table(items) == NUMBERS
    assert damages(items) == [Damage(0, len(stream), len(behind), "corrupt_file", behind)]


def test_read_rows_takes_zeros_behind_a_stream_for_padding(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ipc_stream() + bytes(64))

    items = read([str(tmp_path / "a")], "ipc")

    assert table(items) == NUMBERS
    assert damages(items) == []


def test_read_rows_leaves_a_process_that_it_was_given_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data := parquet())
    process = ReaderProcess(memory_bytes=MEMORY_BYTES)
    pids = []
    for _ in range(2):
        items = read_rows(
            [str(tmp_path / "a")],
            [len(data)],
            formats=["parquet"],
            batch_bytes=MIB,
            max_record_bytes=MIB,
            max_unpacked_bytes=MIB,
            memory_bytes=MEMORY_BYTES,
            process=process,
        )
        assert table(list(items)) == NUMBERS
        pids.append(process.pid)

    assert pids[0] == pids[1] is not None
    process.close()
    assert not children() & set(pids)

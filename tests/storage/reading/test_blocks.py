"""Blocks hold the same records however they are cut, and a damaged file costs nothing but its damage."""

from __future__ import annotations

import gzip
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import FileChangedError, FileVanishedError, StorageError
from storage.landing.identity import identity_of_file
from storage.reading.blocks import Block, Damage, read_blocks
from tests.conftest import Store
from tests.storage.reading.block_reading import damages, lines, read, records

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".ndjson": bytes,
    ".ndjson.gz": gzip.compress,
    ".ndjson.zst": zstandard.compress,
}

contents = st.lists(
    st.tuples(
        st.lists(
            st.one_of(st.binary(max_size=40), st.sampled_from([b"", b"\r", b"\xef\xbb\xbf", b"x" * 300]))
        ),
        st.booleans(),
        st.sampled_from(sorted(COMPRESSORS)),
    ),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(files=contents, block_bytes=st.integers(1, 700))
def test_read_blocks_of_any_size_gives_the_same_records(
    files: list[tuple[list[bytes], bool, str]], block_bytes: int
) -> None:
    written = [(b"\n".join(parts) + b"\n" * newline, suffix) for parts, newline, suffix in files]
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{position}{suffix}" for position, (_, suffix) in enumerate(written)]
        for path, (data, suffix) in zip(paths, written, strict=True):
            Path(path).write_bytes(COMPRESSORS[suffix](data))

        found = read(paths, block_bytes=block_bytes, max_record_bytes=4096)

    assert damages(found) == []
    assert records(found) == {
        position: expected for position, (data, _) in enumerate(written) if (expected := _expected(data))
    }


def _expected(data: bytes) -> list[tuple[int, bytes]]:
    offset = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    parts = data[offset:].removesuffix(b"\n").split(b"\n") if data[offset:] else []
    found = []
    for part in parts:
        found.append((offset, part))
        offset += len(part) + 1
    return found


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 120), max_size=12),
    newline=st.booleans(),
    block_bytes=st.integers(16, 90),
    more_bytes=st.integers(0, 30),
)
def test_read_blocks_with_long_records_passes_over_exactly_those(
    lengths: list[int], newline: bool, block_bytes: int, more_bytes: int
) -> None:
    limit = block_bytes + more_bytes
    parts = [bytes([97 + i % 26]) * length for i, length in enumerate(lengths)]
    data = b"\n".join(parts) + b"\n" * newline
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a"
        Path(path).write_bytes(data)
        found = read([path], block_bytes=block_bytes, max_record_bytes=limit)

    expected = _expected(data)
    assert records(found).get(0, []) == [one for one in expected if len(one[1]) <= limit]
    assert damages(found) == [
        Damage(0, offset, len(part), "record_too_long", b"") for offset, part in expected if len(part) > limit
    ]
    _assert_in_order(found)


def _assert_in_order(items: list[Block | Damage]) -> None:
    """No damage before the block that holds earlier records of its file."""
    reached: dict[int, int] = {}
    for item in items:
        if isinstance(item, Block):
            for segment in item.segments:
                assert segment.offset >= reached.get(segment.file, 0)
        else:
            reached[item.file] = item.offset


@pytest.mark.parametrize("suffix", sorted(COMPRESSORS))
def test_read_blocks_from_a_store_gives_all_files_in_order(store: Store, suffix: str) -> None:
    texts = [
        b"".join(b'{"file": %d, "line": %d}\n' % (file, line) for line in range(5000)) for file in range(20)
    ]
    stored = [COMPRESSORS[suffix](text) for text in texts]
    paths = [store.put(f"a ?#%20/{file}{suffix}", data) for file, data in enumerate(stored)]

    found = read(paths, sizes=[len(data) for data in stored], block_bytes=1 << 18)

    assert {file: [line for _, line in part] for file, part in records(found).items()} == {
        file: text.splitlines() for file, text in enumerate(texts)
    }


def test_read_blocks_puts_small_files_into_one_block(tmp_path: Path) -> None:
    paths = []
    for position, data in enumerate((b"a", b"", b"b\n", b"\xef\xbb\xbf", b"\n")):
        path = tmp_path / str(position)
        path.write_bytes(data)
        paths.append(str(path))

    (block,) = read(paths)

    assert isinstance(block, Block)
    assert block.data[: block.size].tobytes() == b"a\nb\n\n"
    assert [(s.file, s.start, s.offset) for s in block.segments] == [(0, 0, 0), (2, 2, 0), (4, 4, 0)]


def test_read_blocks_without_files_gives_nothing() -> None:
    assert read([]) == []


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_read_blocks_of_a_truncated_file_gives_whole_lines_then_the_rest(store: Store, suffix: str) -> None:
    text = b"".join(b'{"line": %d}\n' % line for line in range(100_000))
    compressed = COMPRESSORS[f".ndjson{suffix}"](text)
    stored = [compressed, compressed[: len(compressed) // 2], compressed]
    paths = [store.put(f"{file}{suffix}", data) for file, data in enumerate(stored)]

    found = read(paths, sizes=[len(data) for data in stored])

    (damage,) = damages(found)
    kept = lines(found, 1)
    assert lines(found, 0) == lines(found, 2) == text.splitlines()
    assert 10_000 < len(kept) < 90_000
    assert damage.reason == "truncated_file"
    assert damage.file == 1
    assert damage.offset == sum(len(line) + 1 for line in kept)
    assert damage.length == len(damage.data)
    assert text.startswith(b"\n".join(kept) + b"\n" + damage.data)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_read_blocks_of_a_file_that_is_not_compressed_reports_a_corrupt_file(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b'{"a": 1}\n')

    assert read([str(path)]) == [Damage(0, 0, 0, "corrupt_file", b"")]


def test_read_blocks_of_a_truncated_record_that_is_too_long_reports_one_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"short\n" + b"x" * 10_000)[:-8])

    first, damage = read([str(path)], block_bytes=100, max_record_bytes=200)

    assert isinstance(first, Block)
    assert damage == Damage(0, 6, 10_000, "truncated_file", b"")


def test_read_blocks_of_many_damaged_files_keeps_every_rest(tmp_path: Path) -> None:
    paths = []
    for position in range(50):
        path = tmp_path / f"{position}.gz"
        path.write_bytes(gzip.compress(b"whole\nrest of %d" % position)[:-1])
        paths.append(str(path))

    found = read(paths, block_bytes=64)

    assert [damage.data for damage in damages(found)] == [b"rest of %d" % position for position in range(50)]
    assert all(lines(found, position) == [b"whole"] for position in range(50))
    _assert_in_order(found)


def test_read_blocks_expands_a_bomb_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "a.zst"
    path.write_bytes(zstandard.compress(b"x" * 50_000_000 + b"\nend\n"))

    found = read([str(path)], block_bytes=1 << 16, max_record_bytes=1 << 20)

    assert lines(found) == [b"end"]
    assert damages(found) == [Damage(0, 0, 50_000_000, "record_too_long", b"")]


def test_read_blocks_of_a_vanished_file_says_what_to_do(store: Store) -> None:
    path = store.put("a.ndjson", b"1\n")
    store.remove("a.ndjson")

    with pytest.raises(FileVanishedError, match=r"put the same file back") as caught:
        read([path], sizes=[2])
    assert caught.value.where == path


def test_read_blocks_of_an_object_that_changed_refuses(s3: Store) -> None:
    path = s3.put("a.ndjson", b"1\n")

    with pytest.raises(FileChangedError):
        read([path], sizes=[2], identities=["0123456789abcdef0123456789abcdef"])
    with pytest.raises(FileChangedError):
        read([path], sizes=[20])


def test_read_blocks_of_a_file_that_changed_refuses(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"1\n")
    identity = identity_of_file(path.stat())
    assert len(read([str(path)], identities=[identity])) == 1
    path.write_bytes(b"12\n")

    with pytest.raises(FileChangedError, match="has been changed"):
        read([str(path)], identities=[identity])


def test_read_blocks_of_a_folder_raises_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not read the file"):
        read([str(tmp_path)])


def test_read_blocks_closed_early_stops_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456\n" * 100_000)
    before = threading.active_count()

    blocks = read_blocks([str(path)], [800_000], block_bytes=1024, max_record_bytes=1024)
    next(blocks)
    assert threading.active_count() == before + 1
    blocks.close()

    assert threading.active_count() == before


def test_read_blocks_of_objects_closed_early_ends_quietly(s3: Store) -> None:
    data = b"0123456\n" * 200_000
    paths = [s3.put(str(file), data) for file in range(3)]
    before = threading.active_count()

    blocks = read_blocks(paths, [len(data)] * 3, block_bytes=1 << 16, max_record_bytes=1 << 16)
    next(blocks)
    blocks.close()

    assert threading.active_count() == before


def test_read_blocks_keeps_few_blocks_alive(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789abcde\n" * 4_000_000)
    block_bytes = 1 << 20
    tracemalloc.start()

    for item in read_blocks([str(path)], [64_000_000], block_bytes=block_bytes, max_record_bytes=block_bytes):
        assert isinstance(item, Block)
        del item

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4.5 * block_bytes

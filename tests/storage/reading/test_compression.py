"""What a compressed file holds comes out up to the first damaged byte, and never anything else unnoticed."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import lzma
import random
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.reading.streams.compression import decompressed

TEXT = b"".join(
    b'{"number": %d, "square": %d}\n' % (n, n * n) for n in random.Random(1).sample(range(10**6), 20_000)
)
SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
Write = Callable[[bytes], bytes]


class Raw(io.RawIOBase):
    """Bytes as an unbuffered file that gives a few at a time."""

    def __init__(self, data: bytes, piece_bytes: int = 1 << 20) -> None:
        self._data = io.BytesIO(data)
        self._piece_bytes = piece_bytes

    def readable(self) -> bool:  # noqa: D102
        return True

    def readinto(self, target: Any) -> int:  # noqa: D102
        return self._data.readinto(memoryview(target)[: self._piece_bytes])


def contents(
    data: bytes, suffix: str, *, read_bytes: int = 70_000, piece_bytes: int = 1 << 20
) -> tuple[bytes, str | None]:
    """All that comes out, and the damage."""
    stream = decompressed(Raw(data, piece_bytes), name=f"a{suffix}")
    target = memoryview(bytearray(read_bytes))
    found = bytearray()
    while size := stream.readinto(target):
        assert stream.damage is None or suffix == ".gz"
        found += target[:size]
    assert stream.readinto(target) == 0
    return bytes(found), stream.damage


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def bzip2(data: bytes) -> bytes:
    return bz2.compress(data, 1)  # the smallest blocks


COMPRESS: dict[str, Write] = {".gz": gzip.compress, ".zst": zstd, ".bz2": bzip2, ".xz": lzma.compress}


@settings(deadline=None)
@given(
    parts=st.lists(st.binary(max_size=300), max_size=4),
    suffix=st.sampled_from(SUFFIXES),
    read_bytes=st.integers(1, 500),
    piece_bytes=st.integers(1, 50),
)
def test_decompressed_gives_the_contents_of_all_members(
    parts: list[bytes], suffix: str, read_bytes: int, piece_bytes: int
) -> None:
    data = b"".join(COMPRESS[suffix](part) for part in parts)

    found = contents(data, suffix, read_bytes=read_bytes, piece_bytes=piece_bytes)

    assert found == (b"".join(parts), None)


@pytest.mark.parametrize(
    "write",
    [
        lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data),
        lambda data: zstandard.ZstdCompressor(level=19, write_checksum=True).compress(data),
        lambda data: zstandard.compress(data[:300]) + zstandard.compress(data[300:]),
        lambda data: b"\x5a\x2a\x4d\x18\x05\0\0\0skip!" + zstd(data) + b"\x50\x2a\x4d\x18\0\0\0\0",
    ],
)
def test_decompressed_reads_every_shape_of_zstd_frame(write: Write) -> None:
    assert contents(write(TEXT), ".zst") == (TEXT, None)
    assert contents(write(b"x" * 1_000_000), ".zst") == (b"x" * 1_000_000, None)


def test_decompressed_passes_over_zero_padding_of_gzip() -> None:
    one = gzip.compress(TEXT)

    assert contents(one + b"\0" * 100_000 + one + b"\0", ".gz") == (TEXT * 2, None)


@pytest.mark.parametrize("suffix", ["", ".json", *SUFFIXES])
def test_decompressed_of_nothing_is_nothing(suffix: str) -> None:
    assert contents(b"", suffix) == (b"", None)


@cache
def compressed(suffix: str) -> bytes:
    """TEXT, compressed once: some of them take their time."""
    return COMPRESS[suffix](TEXT)


@settings(deadline=None, max_examples=60)
@given(suffix=st.sampled_from(SUFFIXES), cut=st.floats(0, 1, exclude_max=True))
def test_decompressed_of_a_truncated_file_gives_what_stands_before_the_cut(suffix: str, cut: float) -> None:
    whole = compressed(suffix)
    size = max(1, int(len(whole) * cut))

    found, damage = contents(whole[:size], suffix)

    assert damage == "truncated_file"
    assert found == (_inflated(whole[:size]) if suffix == ".gz" else TEXT[: len(found)])
    assert suffix == ".gz" or len(found) >= int(len(TEXT) * cut) - 2 * 128 * 1024


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj(31).decompress(data)


@settings(deadline=None, max_examples=60)
@given(
    suffix=st.sampled_from(SUFFIXES),
    place=st.floats(0, 1, exclude_max=True),
    read_bytes=st.integers(1000, 200_000),
)
def test_decompressed_of_a_corrupt_file_notices_wherever_it_is(
    suffix: str, place: float, read_bytes: int
) -> None:
    whole = compressed(suffix)
    data = bytearray(whole)
    at = int(len(data) * place)
    data[at] ^= 0xFF

    found, damage = contents(bytes(data), suffix, read_bytes=read_bytes)

    unused = suffix == ".gz" and 4 <= at < 10  # time, level and system in the header, which nothing protects
    assert (damage is not None) or (unused and found == TEXT)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_decompressed_with_garbage_behind_keeps_all_before_it(suffix: str) -> None:
    assert contents(COMPRESS[suffix](TEXT) + b"garbage", suffix) == (TEXT, "corrupt_file")


def test_decompressed_keeps_the_last_byte_before_a_wrong_checksum() -> None:
    data = bytearray(gzip.compress(TEXT))
    data[-5] ^= 0xFF

    assert contents(bytes(data), ".gz", read_bytes=999) == (TEXT, "corrupt_file")


def test_decompressed_goes_by_what_is_asked_for_rather_than_the_suffix() -> None:
    stream = decompressed(Raw(gzip.compress(b"1")), name="a.json", compression="gzip")
    target = memoryview(bytearray(9))

    assert target[: stream.readinto(target)].tobytes() == b"1"


@pytest.mark.parametrize("place", [0.1, 0.45, 0.9])
def test_decompressed_keeps_the_blocks_of_bzip2_before_a_damaged_one_and_nothing_of_it(place: float) -> None:
    data = bytearray(bzip2(TEXT))
    data[int(len(data) * place)] ^= 0x10

    found, damage = contents(bytes(data), ".bz2")

    assert damage == "corrupt_file"
    assert found == TEXT[: len(found)]
    assert len(TEXT) * place - 110_000 <= len(found) < len(TEXT) * place + 10_000


def test_decompressed_passes_over_zero_padding_of_xz() -> None:
    one = lzma.compress(TEXT)

    assert contents(one + b"\0" * 100_000 + one + b"\0" * 4, ".xz") == (TEXT * 2, None)


def test_decompressed_refuses_xz_that_asks_for_too_much_memory() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    data = bytearray(lzma.compress(b"1", filters=filters))

    assert contents(bytes(data), ".xz") == (b"", "corrupt_file")


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".bz2", ".xz"])
def test_decompress_forgotten_before_the_end_leaves_the_file_to_its_owner(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"")
    with io.FileIO(path) as raw:
        stream = decompressed(raw, name=path.name)
        assert stream.readinto(memoryview(bytearray(10))) == 0
        del stream
        gc.collect()
        assert not raw.closed

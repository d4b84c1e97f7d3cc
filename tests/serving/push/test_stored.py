"""Pushed batches as files."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import pyarrow as pa
import pytest

from serving.push.place import Place
from serving.push.stored import StoredRows, stored_contents
from storage.errors import OutOfSpaceError
from tests.serving.push.pushing import rows


class _Full(io.RawIOBase):
    """A file on a disk that takes `room` bytes more."""

    def __init__(self, room: int) -> None:
        self._room = room

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._room -= memoryview(data).nbytes  # type: ignore[arg-type]
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return memoryview(data).nbytes  # type: ignore[arg-type]


@pytest.mark.parametrize("room", [0, 1000])
def test_write_on_a_full_disk_says_so(room: int) -> None:
    batch = rows(0, 10_000).to_batches()[0]
    with pytest.raises(OutOfSpaceError):
        StoredRows(_Full(room), batch.schema, "zone").write(batch)  # type: ignore[arg-type]


@pytest.mark.parametrize("columns", [1, 2000])
def test_stored_contents_are_read_back(tmp_path: Path, columns: int) -> None:
    batch = pa.table({f"c{number}": [number] for number in range(columns)}, metadata={b"own": b"kept"})
    with (tmp_path / "a").open("x+b") as file:
        stored = StoredRows(file, batch.schema, "zone")
        stored.write(batch.to_batches()[0])
        stored.end("ab" * 32)
    assert stored_contents(Place(str(tmp_path), "a")) == "ab" * 32
    with pa.ipc.open_stream(tmp_path / "a") as reader:
        assert reader.schema.metadata[b"own"] == b"kept"
        assert reader.read_all().equals(batch)


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b"\xff" * 8, b"\xff" * 4 + b"\0\1\0\0" + b"x" * 900])
def test_stored_contents_of_a_file_that_nobody_pushed_are_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    assert stored_contents(Place(str(tmp_path), "a")) == ""
    assert stored_contents(Place(str(tmp_path), "b")) is None

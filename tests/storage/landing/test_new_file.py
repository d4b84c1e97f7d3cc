"""New files of a landing zone: whole and first, or not there."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from unittest.mock import patch

import pytest

import storage.landing.new_object as new_object
from storage.errors import NotFoundError, OutOfSpaceError
from storage.filesystem import open_filesystem
from storage.landing.listing import list_landing
from storage.landing.new_file import first_bytes, new_file
from tests.conftest import Store

NAME = "pushed/client/id.arrows"


def _land(store: Store, data: bytes) -> bool:
    with new_file(store.uri, NAME) as new:
        new.file.write(data)
        before = list_landing(store.uri).height
        is_first = new.land()
        assert list_landing(store.uri).height == before + is_first
        return is_first


def test_land_where_there_is_nothing_makes_the_file_visible_once(store: Store) -> None:
    store.put("first")
    assert first_bytes(store.uri, NAME, 3) is None
    assert _land(store, b"one")
    before = list_landing(store.uri)
    assert not _land(store, b"two")
    assert first_bytes(store.uri, NAME, 10) == b"one"
    assert first_bytes(store.uri, NAME, 2) == b"on"
    assert list_landing(store.uri).equals(before)


def test_leave_a_file_that_has_not_landed_leaves_nothing(store: Store) -> None:
    store.put("first")
    with pytest.raises(RuntimeError), new_file(store.uri, NAME) as new:
        new.file.write(b"half")
        raise RuntimeError
    assert list_landing(store.uri).height == 1


@pytest.mark.s3
def test_land_an_object_in_parts_is_conditional_too(s3: Store) -> None:
    data = os.urandom(1_300_000)
    with patch.object(new_object, "_PART_BYTES", 5 * 2**18):
        assert _land(s3, data)
        assert not _land(s3, data[::-1])
    filesystem, path = open_filesystem(s3.at(NAME))
    assert filesystem.cat_file(path) == data
    bucket, _, key = path.partition("/")
    assert "Uploads" not in filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key)


def test_begin_without_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError), new_file(str(tmp_path / "nothing"), NAME):
        pass


def test_land_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with (
        patch("os.fsync", side_effect=full),
        pytest.raises(OutOfSpaceError),
        new_file(str(tmp_path), NAME) as new,
    ):
        new.file.write(b"x")
        new.land()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_begin_removes_what_others_left_and_not_what_they_write(tmp_path: Path) -> None:
    hidden = tmp_path / ".arriving"
    with new_file(str(tmp_path), NAME) as writing:
        writing.file.write(b"x")
        writing.file.flush()
        (hidden / "left").write_bytes(b"half")
        for path in hidden.iterdir():
            os.utime(path, (time.time() - 10_000,) * 2)
        (hidden / "young").write_bytes(b"half")
        with new_file(str(tmp_path), "other"):
            assert not (hidden / "left").exists()
            assert (hidden / "young").exists()
        assert writing.land()
    assert (tmp_path / NAME).read_bytes() == b"x"

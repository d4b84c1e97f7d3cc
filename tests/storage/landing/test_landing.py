"""A landing zone is listed alike on every store, whatever its files are called."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from storage.errors import (
    AccessDeniedError,
    NotFoundError,
    NothingLandedError,
    UnavailableError,
    UnreadableNameError,
    UnsupportedLocationError,
)
from storage.landing.identity import identity_of_file
from storage.landing.listing import LANDING_SCHEMA, list_landing
from tests.conftest import Store
from tests.object_store import ObjectStore

NAMES = [
    "a b.json",
    "ü%20.json",
    "#1?x=2&y.json",
    "new\nline.json",
    "100%.json",
    "x'\".json",
    "day=2021-07-21/a.json",
]


def names(store: Store, pattern: str = "") -> list[str]:
    uri = store.at(pattern) if pattern else store.uri
    return [path.removeprefix(f"{store.uri}/") for path in list_landing(uri)["path"]]


def test_list_landing_of_a_folder_gives_path_identity_size_and_time(store: Store) -> None:
    store.put("b/two.json", b"22")
    store.put("one.json", b"1")

    found = list_landing(store.uri)

    now = datetime.now(UTC)
    assert found.schema == LANDING_SCHEMA
    assert found["path"].to_list() == [store.at("b/two.json"), store.at("one.json")]
    assert found["size"].to_list() == [2, 1]
    assert found["identity"].n_unique() == 2
    assert found.null_count().sum_horizontal().item() == 0
    assert found["modified"].is_between(now - timedelta(minutes=1), now + timedelta(minutes=1)).all()


def test_list_landing_of_unusual_names_keeps_them(store: Store) -> None:
    for name in NAMES:
        store.put(name, b"1")

    assert names(store) == sorted(NAMES)


def test_list_landing_when_a_file_is_replaced_gives_another_identity(store: Store) -> None:
    store.put("a.json", b"1")
    before = list_landing(store.uri)
    store.put("a.json", b"2")

    after = list_landing(store.uri)

    assert after["path"].to_list() == before["path"].to_list()
    assert after["identity"].to_list() != before["identity"].to_list()


def test_list_landing_passes_over_hidden_and_unfinished_names(store: Store) -> None:
    for name in (
        ".a",
        "_b",
        "_delta_log/0.json",
        ".x/y.json",
        "c.tmp",
        "d.part",
        "e._COPYING_",
        "f.tmp/g.json",
    ):
        store.put(name, b"1")
    store.put("taken.json")

    assert names(store) == ["taken.json"]
    assert names(store, "**") == ["taken.json"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.json", ["a.json"]),
        ("**/*.json", ["a.json", "x/1/b.json", "x/2/c.json", "y/d.json"]),
        ("**", ["a.json", "a.txt", "x/1/b.json", "x/2/c.json", "y/d.json"]),
        ("x/**", ["x/1/b.json", "x/2/c.json"]),
        ("x/**/*.json", ["x/1/b.json", "x/2/c.json"]),
        ("x/*/*.json", ["x/1/b.json", "x/2/c.json"]),
        ("*/*.json", ["y/d.json"]),
        ("**/[!c-z].json", ["a.json", "x/1/b.json"]),
        ("x/[1]/?.json", ["x/1/b.json"]),
        ("x/1", ["x/1/b.json"]),
        ("x/1/", ["x/1/b.json"]),
        ("x/1/b.json", ["x/1/b.json"]),
        ("x/*.csv", []),
        ("x/1/*/**", []),
    ],
)
def test_list_landing_of_a_pattern_gives_the_same_on_every_store(
    store: Store, pattern: str, expected: list[str]
) -> None:
    for name in ("a.json", "a.txt", "x/1/b.json", "x/2/c.json", "y/d.json"):
        store.put(name, b"1")

    assert names(store, pattern) == expected


def test_list_landing_of_one_hidden_file_takes_it(store: Store) -> None:
    store.put("_one.tmp", b"1")

    assert names(store, "_one.tmp") == ["_one.tmp"]


def test_list_landing_of_empty_files_gives_them(store: Store) -> None:
    store.put("empty.json")

    assert list_landing(store.uri)["size"].to_list() == [0]


def test_list_landing_of_an_empty_folder_gives_no_rows(store: Store) -> None:
    found = list_landing(store.uri)

    assert found.schema == LANDING_SCHEMA
    assert found.is_empty()


@pytest.mark.parametrize("name", ["missing", "missing/*.json", "missing/**/*.json", "missing/a.json"])
def test_list_landing_of_a_missing_folder_says_what_to_do(store: Store, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        list_landing(store.at(name))

    assert isinstance(caught.value, NothingLandedError) == store.is_remote
    assert caught.value.where == store.at(name)
    assert caught.value.expected
    assert "source.uri" in str(caught.value.next_step)


def test_list_landing_of_a_missing_folder_names_the_nearest_that_exists(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=f"nearest one that exists is {tmp_path}"):
        list_landing(f"{tmp_path}/a/b/*.json")


def test_list_landing_with_part_of_a_name_as_double_star_refuses(store: Store) -> None:
    with pytest.raises(UnsupportedLocationError, match="alone between slashes"):
        list_landing(store.at("**.json"))


@pytest.mark.parametrize("uri", ["gs://bucket/a", "ftp://x", "s3://", "file://relative"])
def test_list_landing_of_a_store_nobody_knows_refuses(uri: str) -> None:
    with pytest.raises(UnsupportedLocationError):
        list_landing(uri)


def test_list_landing_by_file_uri_gives_plain_paths(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "c.json").touch()

    assert list_landing(f"{tmp_path.as_uri()}/a%20b")["path"].to_list() == [f"{tmp_path}/a b/c.json"]


def test_list_landing_of_local_files_tells_their_time_to_the_nanosecond(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"12")
    os.utime(path, ns=(0, 1_600_000_000_123_456_789))

    found = list_landing(str(tmp_path))

    assert found["identity"].item() == "2-1600000000123456789" == identity_of_file(path.stat())
    assert found["modified"].item() == datetime(2020, 9, 13, 12, 26, 40, 123456, UTC)


def test_list_landing_follows_links_to_files_only(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.json").write_bytes(b"123")
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "file.json").symlink_to(real / "a.json")
    (landing / "folder").symlink_to(real)
    (landing / "broken.json").symlink_to(tmp_path / "nothing")
    os.mkfifo(landing / "pipe.json")

    assert list_landing(str(landing)).select("path", "size").rows() == [(f"{landing}/file.json", 3)]


def test_list_landing_of_a_name_that_is_not_utf8_refuses(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.json")).touch()

    with pytest.raises(UnreadableNameError, match="UTF-8"):
        list_landing(str(tmp_path))


def test_list_landing_without_permission_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)  # whoever runs the tests may be root

    with pytest.raises(AccessDeniedError, match="could not list the landing zone"):
        list_landing(str(tmp_path))


def test_list_landing_with_wrong_credentials_says_so_without_them(
    s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")

    with pytest.raises(AccessDeniedError, match="AWS_SECRET_ACCESS_KEY") as caught:
        list_landing(s3.uri)
    assert "not-the-secret" not in str(caught.value)


@pytest.mark.usefixtures("s3")
def test_list_landing_of_a_missing_bucket_says_so() -> None:
    with pytest.raises(NotFoundError):
        list_landing("s3://no-such-bucket-here/a")


def test_list_landing_without_a_server_is_retryable(
    object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    with pytest.raises(UnavailableError) as caught:
        list_landing("s3://lake/a")
    assert caught.value.retryable


def test_list_landing_of_many_objects_gives_all_pages(s3: Store) -> None:
    for number in range(1003):
        s3.put(f"{number:04}.json")

    found = list_landing(s3.at("*.json"))

    assert found["path"].to_list() == [s3.at(f"{number:04}.json") for number in range(1003)]
    assert isinstance(found, pl.DataFrame)

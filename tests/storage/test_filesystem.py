"""From a URI to a path or a bucket, verbatim."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import UnsupportedLocationError
from storage.filesystem import (
    bucket_and_key,
    delta_storage_options,
    is_remote,
    local_path,
    open_filesystem,
)
from tests.conftest import Store


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/a/b c%20#?", "/a/b c%20#?"),
        ("/a/../b/", "/b"),
        ("file:///a/b%20c", "/a/b c"),
        ("FILE:///a", "/a"),
    ],
)
def test_local_path_decodes_uris_only(uri: str, expected: str) -> None:
    assert local_path(uri) == expected
    assert not is_remote(uri)


def test_local_path_of_a_relative_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert local_path("a/b") == f"{tmp_path}/a/b"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("s3://b/a//b%20?x#y", ("b", "a//b%20?x#y")), ("s3://b", ("b", "")), ("s3://b/a/", ("b", "a/"))],
)
def test_bucket_and_key_are_verbatim(uri: str, expected: tuple[str, str]) -> None:
    assert bucket_and_key(uri) == expected
    assert is_remote(uri)


@pytest.mark.parametrize("uri", ["gs://b/a", "https://h/a", "s3:///a", "file://a"])
def test_open_filesystem_of_an_unknown_place_says_what_is_known(uri: str) -> None:
    with pytest.raises(UnsupportedLocationError) as caught:
        open_filesystem(uri)
    assert caught.value.where == uri
    assert caught.value.expected


def test_open_filesystem_reads_what_was_written(store: Store) -> None:
    filesystem, path = open_filesystem(store.put("a b.json", b"1"))

    assert filesystem.cat_file(path) == b"1"


def test_delta_storage_options_are_the_variables_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")

    options = delta_storage_options("s3://lake/t")

    assert options["AWS_REGION"] == "eu-central-1"
    assert "AWS_SESSION_TOKEN" not in options
    assert delta_storage_options("/t") == {}

"""URIs and the environment variables in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import InvalidValueError
from config.uri import parse_uri


@pytest.mark.parametrize(
    "uri", ["landing", "/a/b c", "file:///a", "s3://b/**/*.ndjson.gz", "a$b", "$HOME/x", "a:b", "C:/x"]
)
def test_parse_uri_keeps_what_needs_no_expansion(uri: str) -> None:
    assert parse_uri(uri) == uri


def test_parse_uri_takes_a_path() -> None:
    assert parse_uri(Path("a/b")) == "a/b"


def test_parse_uri_expands_variables_in_braces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDING", "s3://bucket")

    assert parse_uri("${LANDING}/x/${LANDING}") == "s3://bucket/x/s3://bucket"


def test_parse_uri_with_missing_variable_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)

    with pytest.raises(InvalidValueError) as caught:
        parse_uri("${NOT_SET_ANYWHERE}/x")

    assert caught.value.got == "${NOT_SET_ANYWHERE}"
    assert caught.value.next_step is not None


@pytest.mark.parametrize("uri", ["${}", "${A-b}", "${A", "${A:-x}/y"])
def test_parse_uri_with_other_reference_is_refused(uri: str) -> None:
    with pytest.raises(InvalidValueError, match=r"\$\{NAME\}"):
        parse_uri(uri)


def test_parse_uri_with_credentials_is_refused_and_masks_them() -> None:
    with pytest.raises(InvalidValueError, match="credentials") as caught:
        parse_uri("s3://key:hidden@bucket/x")

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("uri", ["", "  ", None, 5, ["a"], "a\nb", "a\0b"])
def test_parse_uri_with_no_uri_is_refused(uri: object) -> None:
    with pytest.raises(InvalidValueError, match="a URI that"):
        parse_uri(uri)


def test_parse_uri_with_one_slash_suggests_two() -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_uri("s3:/bucket/x")

    assert caught.value.next_step == "did you mean 's3://bucket/x'?"

"""Patterns mean what those of the shell mean."""

from __future__ import annotations

import fnmatch

from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UnsupportedLocationError
from storage.landing.pattern import LandingPattern, parse_pattern

names = st.text(alphabet="ab-]![^.*?\\&~|\n", min_size=1, max_size=6).filter(lambda name: "/" not in name)


@given(pattern=names.filter(lambda name: "**" not in name), name=names)
def test_parse_pattern_of_one_name_agrees_with_fnmatch(pattern: str, name: str) -> None:
    parsed = parse_pattern(f"/x/{pattern}")

    if parsed.expression is None:
        assert not set("*?[") & set(pattern)
        return
    assert (parsed.expression.fullmatch(name) is not None) == fnmatch.fnmatchcase(name, pattern)
    assert parsed.expression.fullmatch(f"{name}/{name}") is None
    assert parsed.base == "/x"
    assert pattern.startswith(parsed.stem)


def test_parse_pattern_splits_off_the_folder() -> None:
    assert parse_pattern("/a/b/") == LandingPattern("/a/b")
    assert parse_pattern("") == LandingPattern("")
    assert parse_pattern("/").base == "/"
    assert parse_pattern("/*").base == "/"
    assert parse_pattern("*").base == ""
    assert parse_pattern("a/2024-*/x").stem == "2024-"
    assert parse_pattern("a/*/x").deepest == 2
    assert parse_pattern("a/**/x").deepest is None


def test_parse_pattern_with_a_range_upside_down_refuses() -> None:
    try:
        parse_pattern("/a/[z-a]")
    except UnsupportedLocationError as error:
        assert error.where == "/a/[z-a]"
    else:
        raise AssertionError("[z-a] was taken for a set of characters")

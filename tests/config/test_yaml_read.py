"""YAML text and the positions in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.yaml_read import YamlSyntaxError, read_yaml
from config.yaml_write import write_yaml
from tests.config.generated import JSON_VALUES, TEXTS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("true", True),
        ("null", None),
        ("", None),
        ("-7", -7),
        ("1e3", 1000.0),
        ("'7'", "7"),
        ('"true"', "true"),
    ],
)
def test_read_yaml_reads_scalars_as_json_would(text: str, value: object) -> None:
    assert read_yaml(f"a: {text}").value == {"a": value}


def test_read_yaml_reads_every_key_as_text() -> None:
    assert read_yaml("on: 1\nnull: 2\n3: 4").value == {"on": 1, "null": 2, "3": 4}


@pytest.mark.parametrize(
    ("path", "position"),
    [
        (("a",), (1, 1)),
        (("b", "c"), (3, 3)),
        (("b", "d", 1), (4, 10)),
        (("b", "missing"), (2, 1)),
        (("b", "d", 9), (4, 3)),
        ((), (1, 1)),
    ],
)
def test_position_of_key_counts_from_one(path: tuple[str | int, ...], position: tuple[int, int]) -> None:
    document = read_yaml("a: 1\nb:\n  c: 2\n  d: [x, y]\n")

    assert document.position(path) == position


def test_read_yaml_with_repeated_key_finds_both_lines() -> None:
    ((path, error),) = read_yaml("a:\n  b: 1\n  b: 2\n").findings

    assert path == ("a", "b")
    assert error.got == "'b' in lines 2 and 3"


@pytest.mark.parametrize(
    ("text", "position", "what"),
    [
        ("a: b: c", (1, 5), "mapping values"),
        ("a: 1\n\tb: 2", (2, 1), "cannot start"),
        ("a: &x 1", (1, 4), "anchors"),
        ("a: *x", (1, 4), "aliases"),
        ("a: !int 5", (1, 4), "tags"),
        ("a: ! int64", (1, 4), "tags"),
        ("a: !!python/object:os.system x", (1, 4), "tags"),
        ("? [a]\n: 1", (1, 3), "not text"),
        ("a: 1\n---\nb: 1", (2, 1), "single document"),
        ("a: 1\nb: \x07", (2, 4), "character"),
        ("[" * 10_000, (1, 1), "nested too deep"),
    ],
)
def test_read_yaml_with_broken_text_says_where(text: str, position: tuple[int, int], what: str) -> None:
    with pytest.raises(YamlSyntaxError, match=what) as caught:
        read_yaml(text)

    assert caught.value.position == position


def test_read_yaml_with_bare_timestamp_in_braces_advises_quotes() -> None:
    with pytest.raises(YamlSyntaxError) as caught:
        read_yaml("columns: {at: timestamp[us, UTC]}")

    assert "quotes" in str(caught.value.next_step)


@given(st.dictionaries(TEXTS, JSON_VALUES, min_size=1))
def test_write_yaml_reads_back_equal(value: dict[str, object]) -> None:
    assert read_yaml(write_yaml(value)).value == value

"""Comments above keys."""

from __future__ import annotations

from config.yaml_comments import comment_yaml
from config.yaml_read import read_yaml

TEXT = "a: 1\nb:\n  c: {d: 2}\n  e:\n    - f\n"


def test_comment_stands_above_its_key_with_its_indent() -> None:
    result = comment_yaml(TEXT, {("a",): "one", ("b", "c"): "two", ("b", "e", 0): "three"})

    assert result == "# one\na: 1\nb:\n  # two\n  c: {d: 2}\n  e:\n    # three\n    - f\n"


def test_comments_of_one_line_follow_each_other() -> None:
    assert comment_yaml(TEXT, {("b", "c"): "x", ("b", "c", "d"): "y"}).count("  # x\n  # y\n  c:") == 1


def test_comment_without_a_line_of_its_own_cannot_change_the_value() -> None:
    result = comment_yaml(TEXT, {("a",): "new\nline\x85: x", ("b",): "long " * 60})

    assert read_yaml(result).value == read_yaml(TEXT).value
    assert max(map(len, result.splitlines())) <= 102

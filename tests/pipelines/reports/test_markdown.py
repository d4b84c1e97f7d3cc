"""Markdown that shows any text and does nothing with it, held against a parser of Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.reports.markdown import code, table

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


def cells_of(text: str) -> list[list[tuple[str, str]]]:
    """Kind and content of what is in each cell of a table that holds `text` between two others."""
    lines = table(("a", "b", "c"), ("left", "left", "right"), [("1", code(text), "2")])
    return [
        [(one.type, one.content) for one in token.children or []]
        for token in PARSER.parse("\n".join(lines))
        if token.type == "inline"
    ][3:]


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "[x](javascript:y) ![i](https://example.org/i.png)",
        "https://example.org **b** _c_ ~~d~~",
        "&lt; &#60; \\ \\\\ \\n",
        '{"id": "é ü 日本"}',
    ],
)
def test_code_markup_shows_as_it_is(text: str) -> None:
    assert cells_of(text)[1] == [("code_inline", text)]


@given(st.text())
def test_code_any_text_stays_one_piece_of_code_in_its_cell(text: str) -> None:
    first, middle, last = cells_of(text)

    assert (first, last) == ([("text", "1")], [("text", "2")])
    assert [kind for kind, _ in middle] == ["code_inline"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a`b|c", "a\\x60b\\x7cc"),
        ("a\nb\x1b\u202e", "a\\nb\\x1b\\u202e"),
        ("", "(empty)"),
        ("a" * 501, "a" * 499 + "…"),
    ],
)
def test_code_what_cannot_be_shown_is_told(text: str, shown: str) -> None:
    assert code(text) == f"`{shown}`"

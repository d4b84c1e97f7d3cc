"""Batch summaries as Markdown."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.pipeline import Pipeline
from pipelines.reports.batch_report import batch_report, escape
from pipelines.run import BatchSummary

SUMMARY = BatchSummary(
    batch=12,
    files=3,
    bytes_read=1_234_567,
    records_read=1000,
    rows_written=990,
    rows_quarantined=7,
    rows_dropped=2,
    rows_duplicate=1,
    table_version=11,
    seconds=1.25,
    peak_memory_bytes=300_000_000,
)


def test_batch_report_tells_every_number_of_the_summary() -> None:
    pipeline = Pipeline(
        name="clicks", source={"uri": "in"}, contract={"columns": {"id": "int64"}}, table={"uri": "lake"}
    )

    lines = html.unescape(batch_report(pipeline, SUMMARY)).splitlines()

    assert lines[0] == "## clicks, batch 12"
    assert "| bytes_read | 1,234,567 |" in lines
    assert "| rows_quarantined | 7 |" in lines
    assert "| seconds | 1.25 |" in lines
    assert "| undoes |" not in "".join(lines)


def test_batch_report_of_an_undo_names_the_batch() -> None:
    pipeline = Pipeline(
        name="clicks", source={"uri": "in"}, contract={"columns": {"id": "int64"}}, table={"uri": "lake"}
    )

    lines = html.unescape(batch_report(pipeline, replace(SUMMARY, undoes=3, rows_removed=40))).splitlines()

    assert "| undoes | 3 |" in lines
    assert "| rows_removed | 40 |" in lines


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "[x](javascript:y)", "a | b", "`code`", "**b**", "![i](u)", "&lt;"]
)
def test_escape_markup_shows_as_it_is(text: str) -> None:
    assert html.unescape(escape(text)) == text
    assert not set("<>[]()|`*!") & set(escape(text))


@given(st.text())
def test_escape_any_text_leaves_no_sign_that_means_something(text: str) -> None:
    rest = re.sub(r"&#\d+;", "", escape(text))

    assert all(one.isalnum() or one == " " or not one.isascii() for one in rest)
    assert escape(text).isprintable() or not text


def test_escape_long_text_ends_in_ellipsis() -> None:
    assert escape("a" * 501) == "a" * 499 + "…"

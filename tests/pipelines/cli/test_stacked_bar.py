"""Bars of parts: as long as asked for, each part by its share, none left out."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from pipelines.cli.stacked_bar import MARKS, stacked_bar


def test_bar_shows_each_part_by_its_share() -> None:
    assert stacked_bar([5, 0, 0, 0, 5], 10) == "·····█████"
    assert stacked_bar([1_000_000, 0, 0, 1, 1], 10) == "········▓█"


def test_bar_of_nothing_is_empty() -> None:
    assert stacked_bar([0, 0, 0, 0, 0], 10) == ""


@given(st.lists(st.integers(0, 10**15), min_size=5, max_size=5).filter(any), st.integers(5, 80))
def test_bar_is_as_long_as_asked_for_and_leaves_no_part_out(parts: list[int], width: int) -> None:
    bar = stacked_bar(parts, width)

    assert len(bar) == width
    assert {mark for mark, part in zip(MARKS, parts, strict=True) if part} == set(bar)

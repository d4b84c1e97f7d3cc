"""How many ranges a lookup reads: against counting them one by one."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pipelines.inspection.clustering import lookup_reads

Pairs = list[tuple[int, int]]


def reads(pairs: Pairs, rows: list[int] | None = None) -> float | None:
    start, end = (np.array([pair[part] for pair in pairs], np.float64) for part in (0, 1))
    return lookup_reads(start, end, np.array(rows or [1] * len(pairs), np.float64))


def test_lookup_in_ranges_that_do_not_overlap_reads_one() -> None:
    assert reads([(0, 1), (2, 3), (7, 7)]) == 1


def test_lookup_in_ranges_that_span_all_reads_all() -> None:
    assert reads([(0, 9)] * 7) == 7
    assert reads([(3, 3)] * 4) == 4


def test_lookup_without_ranges_is_not_known() -> None:
    assert reads([]) is None


def test_lookup_goes_to_ranges_by_their_rows() -> None:
    pairs = [(0, 10), (5, 5)]

    assert reads(pairs, [1, 1]) == pytest.approx(1.5)
    assert reads(pairs, [3, 1]) == pytest.approx(1.25)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted).map(tuple), min_size=1))
def test_lookup_reads_what_counting_at_many_places_gives(pairs: Pairs) -> None:
    def depth(at: float) -> int:
        return sum(start <= at <= end for start, end in pairs)

    def mean(start: int, end: int) -> float:
        middles = [start + half + 0.5 for half in range(end - start)]
        return float(np.mean([depth(one) for one in middles])) if middles else depth(start)

    assert reads(pairs) == pytest.approx(np.mean([mean(*pair) for pair in pairs]))

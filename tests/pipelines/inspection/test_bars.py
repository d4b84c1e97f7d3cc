"""Pictures of ranges."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from pipelines.inspection.bars import Bar, bars, verdict
from tests.pipelines.inspection.looked_at import ranges


def test_bars_of_row_groups_are_drawn_where_they_lie_in_order() -> None:
    found = bars(ranges([(0.5, 1), None, (0, 0.25), (0.3, 0.3)]), 40)

    assert [(bar.number, bar.drawn(8)) for bar in found] == [
        (2, "██······"),
        (3, "··█·····"),
        (0, "····████"),
    ]


def test_bars_of_many_files_are_drawn_together() -> None:
    found = bars(ranges([(number / 100, number / 100 + 0.01) for number in range(100)]), 40)

    assert [bar.count for bar in found] == [3] * 33 + [1]
    assert (found[0].low, found[0].high, found[-1].drawn(10)) == ("0.0", "0.03", "·········█")


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 80))
def test_bar_is_as_wide_as_asked_for_and_never_empty(one: float, other: float, width: int) -> None:
    drawn = Bar(0, 1, "", "", min(one, other), max(one, other)).drawn(width)

    assert len(drawn) == width
    assert "█" in drawn


def test_verdict_tells_reads_and_what_has_no_bounds() -> None:
    found = ranges([(0, 1), None, None], unknown=1, nothing_but_null=1, lookup_reads=2.0, units="files")

    assert verdict(found) == (
        "a lookup of one value reads 2.0 of 3 files (66.7 %); 1 without bounds, 1 with nothing but null"
    )
    assert verdict(ranges([None], lookup_reads=None)) == "no bounds in 1 row groups"

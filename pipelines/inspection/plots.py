"""Plots as inline SVG: they need no script, and hold no text that is not escaped."""

from __future__ import annotations

from html import escape
from typing import Final

from pipelines.inspection.bars import Bar, bars
from pipelines.inspection.document import Ranges
from pipelines.reports.plain_text import counted, printable

_WIDTH: Final = 900
_HEIGHT: Final = 600
_THICKEST, _THINNEST = 14.0, 1.5
_MOST_BARS: Final = int(_HEIGHT / _THINNEST)
_LEAST_WIDTH: Final = 1.5


def safe(text: str) -> str:
    """`text` as HTML and SVG show it, whatever it holds."""
    return escape(printable(text))


def ranges_plot(ranges: Ranges) -> str:
    """One line for each range, from its start to its end; empty where there is none."""
    drawn = bars(ranges, _MOST_BARS)
    if not drawn:
        return ""
    step = max(_THINNEST, min(_THICKEST, _HEIGHT / len(drawn)))
    height = step * len(drawn)
    lines = "".join(_line(bar, number * step, step, ranges) for number, bar in enumerate(drawn))
    last = max(drawn, key=lambda bar: bar.end)
    return (
        f'<svg class="ranges" viewBox="0 0 {_WIDTH} {height:.1f}" role="img" '
        f'aria-label="ranges of {safe(ranges["column"])}">{lines}</svg>'
        f'<p class="axis"><span>{safe(drawn[0].low)}</span><span>{safe(last.high)}</span></p>'
    )


def _line(bar: Bar, top: float, step: float, ranges: Ranges) -> str:
    width = max((bar.end - bar.start) * _WIDTH, _LEAST_WIDTH)
    left = min(bar.start * _WIDTH, _WIDTH - width)
    unit = ranges["units"].removesuffix("s")
    name = f"{unit} {bar.number}" if bar.count == 1 else counted(bar.count, unit)
    thick = max(step * 0.8, 1)
    return (
        f'<rect x="{left:.2f}" y="{top:.2f}" width="{width:.2f}" height="{thick:.2f}">'
        f"<title>{safe(f'{name}: {bar.low} … {bar.high}')}</title></rect>"
    )


def share_bar(part: int, whole: int) -> str:
    """How much of `whole` a part is."""
    width = 100 * part / whole if whole else 0
    return f'<svg class="share" viewBox="0 0 100 8"><rect width="{width:.2f}" height="8"/></svg>'

"""Tables for people, on standard output."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

import click

from pipelines.cli.plain_text import printable, size, whole

__all__ = ["print_fields", "print_table", "size", "whole"]

_GAP = "  "
_NARROWEST = 14
_NUMBER = re.compile(r"|-|null|-?[\d,]+(\.\d+)?( ([KMGT]i)?B| s)?")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, numbers to the right; cells are shortened until the table fits the terminal.

    Columns that do not fit even then are named below.
    """
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    right = [all(_NUMBER.fullmatch(row[i]) for row in cells[1:]) for i in range(len(header))]
    widths = _fitting([max(_width(cell) for cell in column) for column in zip(*cells, strict=True)], right)
    for i, row in enumerate(cells):
        shown = [_pad(row[k], width, right[k]) for k, width in enumerate(widths)]
        line = _GAP.join(shown).rstrip()
        click.echo(line if i else click.style(line, bold=True))
    if left_out := cells[0][len(widths) :]:
        click.echo(f"not shown, for want of room: {', '.join(left_out)}")


def print_fields(fields: Sequence[tuple[str, str]], indent: str = _GAP) -> None:
    """Names and values below each other."""
    longest = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{indent}{name.ljust(longest)}{_GAP}{printable(value)}")


def _fitting(widths: list[int], right: Sequence[bool]) -> list[int]:
    """Widths that fit: the widest text gives way first, numbers never, then the last columns go."""
    room = shutil.get_terminal_size((120, 24)).columns
    widths = list(widths)
    while _total(widths) > room:
        wide = [k for k, width in enumerate(widths) if not right[k] and width > _NARROWEST]
        if not wide:
            break
        widest = max(wide, key=lambda k: widths[k])
        widths[widest] -= 1
    while _total(widths) > room and len(widths) > 1:
        widths.pop()
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _pad(cell: str, width: int, right: bool) -> str:
    shown = _shortened(cell, width)
    blank = " " * (width - _width(shown))
    return blank + shown if right else shown + blank


def _shortened(cell: str, width: int) -> str:
    if _width(cell) <= width:
        return cell
    end = width - 1
    while _width(cell[:end]) > width - 1:
        end -= 1
    return cell[:end] + "…"


def _width(text: str) -> int:
    """How many columns of a terminal a text takes: some letters take two, and some none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # not at the top: 30 ms, and most text is ASCII

    return cell_len(text)

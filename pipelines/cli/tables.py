"""Tables for people, on standard output."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence

import click

from pipelines.cli.plain_text import printable, size, whole

__all__ = ["print_fields", "print_table", "size", "whole"]

_GAP = "  "
_SHORTEST_TEXT = 14
_SHORTEST_NAME = 6
_NO_TERMINAL = 1000
"""The room in a pipe or a file: nothing of ours is cut there, save a text without end."""
_NUMBER = re.compile(r"|-|null|-?[\d,]+(\.\d+)?( ([KMGT]i)?B| s)?")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side, numbers to the right; texts and names are cut until the table fits the terminal.

    No number is cut. Columns that do not fit even then are named below.
    """
    cells = [[printable(cell) for cell in row] for row in (header, *rows)]
    right = [all(_NUMBER.fullmatch(cell) for cell in column[1:]) for column in zip(*cells, strict=True)]
    widths = _fitting(cells, right)
    for i, row in enumerate(cells):
        line = _GAP.join(_pad(row[k], width, right[k]) for k, width in enumerate(widths)).rstrip()
        click.echo(line if i else click.style(line, bold=True))
    if left_out := cells[0][len(widths) :]:
        click.echo(f"not shown, for want of room: {', '.join(left_out)}")


def print_fields(fields: Sequence[tuple[str, str]], indent: str = _GAP) -> None:
    """Names and values below each other."""
    longest = max(len(name) for name, _ in fields)
    for name, value in fields:
        click.echo(f"{indent}{name.ljust(longest)}{_GAP}{printable(value)}")


def _fitting(cells: Sequence[Sequence[str]], right: Sequence[bool]) -> list[int]:
    """Widths that fit: the widest gives way first, of numbers only the name; then the last columns go."""
    room = shutil.get_terminal_size((_NO_TERMINAL, 24)).columns
    taken = [[_width(cell) for cell in column] for column in zip(*cells, strict=True)]
    widths = [max(column) for column in taken]
    least = [
        max([_SHORTEST_NAME, *column[1:]]) if number else _SHORTEST_TEXT
        for column, number in zip(taken, right, strict=True)
    ]
    while _total(widths) > room:
        wide = [k for k, width in enumerate(widths) if width > least[k]]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
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

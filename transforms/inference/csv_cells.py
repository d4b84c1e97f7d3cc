"""Text of cells as rows of cells: of a sample, which is small and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple


class Cell(NamedTuple):
    """One cell; quotes are gone from its text."""

    text: str
    quoted: bool


def read_rows(text: str, delimiter: str, quote: str) -> Iterator[list[Cell] | None]:
    """The rows of `text` in order, without those that are empty lines; None for a row that is broken.

    As the decoder reads them: a quote opens only at the start of a cell, two stand for one, and a record ends
    at a newline that is not between quotes, with or without a carriage return before it. Elsewhere outside of
    quotes, none of these may be.
    """
    cell = _cell(delimiter, quote)
    for match in _record(delimiter, quote).finditer(text):
        if record := match[0].removesuffix("\n").removesuffix("\r"):
            yield _cells(record, cell, delimiter, quote)


def _cells(record: str, cell: re.Pattern[str], delimiter: str, quote: str) -> list[Cell] | None:
    row: list[Cell] = []
    for match in cell.finditer(record):
        quoted, bare, end = match.groups()
        row.append(Cell(bare, False) if quoted is None else Cell(quoted.replace(2 * quote, quote), True))
        if end != delimiter:
            return row if match.end() == len(record) else None
    return None


@cache
def _record(delimiter: str, quote: str) -> re.Pattern[str]:
    """A record with its newline: cells that begin with stretches in quotes, or with none."""
    d, q = re.escape(delimiter), re.escape(quote)
    cell = rf"(?:{q}[^{q}]*+(?:{q}|\Z))*+(?:[^{d}{q}\n][^{d}\n]*+)?+"
    return re.compile(rf"{cell}(?:{d}{cell})*+(?:\n|\Z)")


@cache
def _cell(delimiter: str, quote: str) -> re.Pattern[str]:
    """A well-formed cell with the delimiter behind it, or nothing."""
    d, q = re.escape(delimiter), re.escape(quote)
    return re.compile(rf"(?:{q}((?:[^{q}]|{q}{q})*+){q}|([^{d}{q}\r\n]*+))({d}|\Z|)")

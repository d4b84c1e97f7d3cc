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


def read_rows(text: str, delimiter: str, quote: str, *, whole: bool = False) -> Iterator[list[Cell] | None]:
    """The rows of `text` in order, without those that are empty lines; None for a row that is broken.

    As the decoder reads them: a quote opens only at the start of a cell, two stand for one, and a record ends
    at a newline that is not between quotes, with or without a carriage return before it. Elsewhere outside of
    quotes, neither may be. A row that the end of `text` cuts within quotes is left out, unless that is the
    end of the file (`whole`).
    """
    cell, open_cell = _cell(delimiter, quote), _open_cell(quote)
    at, row = 0, list[Cell]()
    while at < len(text):
        match = cell.match(text, at)
        if match is None:
            is_open = open_cell.match(text, at) is not None
            if whole or not is_open:
                yield None
            if is_open:
                return
            newline = text.find("\n", at)
            at, row = (newline + 1 if newline >= 0 else len(text)), []
            continue
        quoted, bare, end = match.groups()
        row.append(
            Cell(bare or "", False) if quoted is None else Cell(quoted.replace(2 * quote, quote), True)
        )
        at = match.end()
        if end == delimiter and at < len(text):
            continue
        if end == delimiter:
            row.append(Cell("", False))
        if row != [Cell("", False)]:
            yield row
        row = []


@cache
def _cell(delimiter: str, quote: str) -> re.Pattern[str]:
    d, q = re.escape(delimiter), re.escape(quote)
    return re.compile(rf"(?:{q}((?:[^{q}]|{q}{q})*+){q}|([^{d}{q}\r\n]*+))({d}|\r?\n|\r?\Z)")


@cache
def _open_cell(quote: str) -> re.Pattern[str]:
    q = re.escape(quote)
    return re.compile(rf"{q}(?:[^{q}]|{q}{q})*+\Z")

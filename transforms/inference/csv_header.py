"""Whether the first rows of CSV files name their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from config.names import is_column_name
from transforms.inference.csv_cells import Cell
from transforms.inference.csv_values import BOOLEANS
from transforms.inference.texts import text_kind

LIKE_A_NUMBER: Final = re.compile(r"[-+$€£]? ?[0-9][0-9.,' ]*(?:[eE][+-]?[0-9]+)? ?[%€]?|[-+]?\.[0-9]+")
"""What a reader takes for a number; the decoder, which must be able to give it back, may not."""


def have_header(files: Sequence[Sequence[list[Cell] | None]]) -> bool:
    """Whether the first row of the files names the columns: it is no row like the others."""
    firsts = [[cell.text.strip() for cell in rows[0]] for rows in files if rows and rows[0]]
    if not firsts:
        return True
    names = firsts[0]
    if len(set(names)) < len(names) or any(map(_is_value, names)):
        return False
    if len(firsts) > 1 and all(first == names for first in firsts):
        return True
    return not _recur(names, files[0][1:]) and (len(firsts) == 1 or _are_names(names))


def _is_value(text: str) -> bool:
    is_number_or_time = text_kind(text) != "other" or LIKE_A_NUMBER.fullmatch(text) is not None
    return is_number_or_time or text.lower() in BOOLEANS[0]


def _are_names(names: Sequence[str]) -> bool:
    return all(map(is_column_name, names))


def _recur(names: Sequence[str], rows: Sequence[list[Cell] | None]) -> bool:
    return any(
        cell.text.strip() == name for row in rows if row for cell, name in zip(row, names, strict=False)
    )

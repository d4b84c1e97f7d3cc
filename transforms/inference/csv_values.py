"""What the cells of a CSV column stand for: nulls, booleans, numbers, text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from transforms.inference.csv_cells import Cell
from transforms.inference.json_text import parse_value
from transforms.inference.numbers import parse_fraction, parse_integer
from transforms.inference.observed import Observed
from transforms.inference.texts import text_kind

Booleans = tuple[str, str]

NULLS: Final = ("", "NULL", "null", "Null", r"\N", "NA", "N/A", "n/a", "#N/A", "None", "NaN", "nan", "-")
"""What cells without a value may hold; all but the first only where the sample makes it likely."""
_NULLS_IN_TEXT: Final = ("", "NULL", r"\N")
"""Those that are no values in a column of text either."""
BOOLEANS: Final[tuple[Booleans, ...]] = (
    ("true", "false"),
    ("True", "False"),
    ("TRUE", "FALSE"),
    ("yes", "no"),
    ("Yes", "No"),
    ("YES", "NO"),
    ("t", "f"),
    ("T", "F"),
    ("y", "n"),
    ("Y", "N"),
    ("1", "0"),
)
_NUMBERS: Final = ("1", "0")
_NAMES_CONDITION: Final = re.compile(
    r"(?:is|has|can|was|did)_.*|(?:is|has|can|was|did)[A-Z].*|.*_flag|.*Flag"
)

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_JSON_BEGINS: Final = ("{", "[")


def sniff_nulls(columns: Mapping[str, Sequence[Cell]]) -> tuple[str, ...]:
    """The texts that stand for null in at least one column, `""` always among them."""
    found = {text for cells in columns.values() for text in _nulls_of(cells)}
    return tuple(text for text in NULLS if text in found or not text)


def sniff_booleans(columns: Mapping[str, Sequence[Cell]], nulls: Sequence[str]) -> Booleans:
    """The pair that stands for true and false in most columns; 1 and 0 only where names ask for it."""
    counts = dict.fromkeys(BOOLEANS, 0)
    for name, cells in columns.items():
        values = {cell.text for cell in cells if not is_null(cell, nulls)}
        for pair in BOOLEANS:
            counts[pair] += _is_pair(pair, values, name)
    return max(BOOLEANS, key=counts.__getitem__)  # the first of them where there is none


def observe(cells: Sequence[Cell], nulls: Sequence[str], booleans: Booleans, name: str) -> Observed:
    """The cells of one column as the values that they can be read as, all of them alike."""
    seen = Observed()
    values = {cell.text for cell in cells if not is_null(cell, nulls)}
    if values and values <= set(booleans) and (booleans != _NUMBERS or _is_pair(booleans, values, name)):
        _see(seen, cells, nulls, {text: text == booleans[0] for text in values})
    elif values and all(map(is_number, values)):
        _see(seen, cells, nulls, {text: _number(text) for text in values})
    else:
        _see(seen, cells, nulls, {text: text for text in values})
        if values and all(map(_is_json, values)):
            seen.opaque = "each cell is a JSON object or array"
    return seen


def is_null(cell: Cell, nulls: Sequence[str]) -> bool:
    """Whether the cell has no value; one in quotes always has."""
    return not cell.quoted and cell.text in nulls


def is_number(text: str) -> bool:
    """Whether a column of numbers takes `text`: a literal as in JSON."""
    return _NUMBER.fullmatch(text) is not None


def _number(text: str) -> int | Decimal:
    return parse_integer(text) if text.lstrip("-").isdigit() else parse_fraction(text)


def _see(seen: Observed, cells: Sequence[Cell], nulls: Sequence[str], values: Mapping[str, object]) -> None:
    for cell in cells:
        seen.see(None if is_null(cell, nulls) else values[cell.text])


def _nulls_of(cells: Sequence[Cell]) -> set[str]:
    """What stands for null among these cells: anything likely beside numbers, dates and the like."""
    likely = {cell.text for cell in cells if is_null(cell, NULLS)}
    values = {cell.text for cell in cells if not is_null(cell, NULLS)}
    return likely if _are_measures(values) else likely.intersection(_NULLS_IN_TEXT)


def _are_measures(values: set[str]) -> bool:
    """Whether the values are all numbers, all of one kind of time, or all of one pair of booleans."""
    if all(map(is_number, values)) or any(values <= set(pair) for pair in BOOLEANS):
        return True
    kinds = {text_kind(value) for value in values}
    return len(kinds) == 1 and "other" not in kinds


def _is_pair(pair: Booleans, values: set[str], name: str) -> bool:
    if pair == _NUMBERS:
        return values == set(pair) and _NAMES_CONDITION.fullmatch(name) is not None
    # One letter alone might be anything.
    return values == set(pair) or (len(pair[0]) > 1 and bool(values) and values <= set(pair))


def _is_json(text: str) -> bool:
    if not text.startswith(_JSON_BEGINS):
        return False
    try:
        parse_value(text)
    except ValueError:
        return False
    return True

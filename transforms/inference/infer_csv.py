"""The beginnings of CSV files into how they are written, and the columns that all of their rows fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from config.column_types import String
from transforms.inference.csv_cells import Cell, read_rows
from transforms.inference.csv_dialect import decode_head, sniff_dialect, sniff_encoding
from transforms.inference.csv_header import LIKE_A_NUMBER, have_header
from transforms.inference.csv_values import (
    Booleans,
    is_null,
    is_number,
    observe,
    sniff_booleans,
    sniff_nulls,
)
from transforms.inference.infer import choose_columns
from transforms.inference.inferred import Inferred
from transforms.inference.observed import Observed
from transforms.inference.type_choice import TypeChoice

_DEFAULTS: Final = {"encoding": "utf-8", "nulls": ("",), "booleans": ("true", "false"), "quote": '"'}


@dataclass(frozen=True)
class CsvInferred:
    """What a sample says about CSV files.

    Attributes:
        csv: How they are written, as a spec says it: delimiter and header, and what differs from the default.
        notes: What is to be said of these keys.
        found: The columns.
    """

    csv: dict[str, object]
    notes: dict[str, str]
    found: Inferred


@dataclass(frozen=True)
class CsvHead:
    """The beginning of a CSV file; `whole` where it is all of it."""

    data: bytes
    whole: bool = True


@dataclass
class _Table:
    """The cells of the sample by column."""

    columns: dict[str, list[Cell]] = field(default_factory=dict)
    records: int = 0
    unreadable: int = 0


def infer_csv(heads: Sequence[CsvHead], *, usual_delimiter: str, most_records: int) -> CsvInferred:
    """Looks at the beginnings of files.

    Args:
        heads: Of files that are written alike.
        usual_delimiter: What is between cells where the sample does not tell.
        most_records: Of each file.
    """
    encoding = sniff_encoding([head.data for head in heads])
    read = [(text, head.whole) for head in heads if (text := decode_head(head.data, encoding))]
    delimiter, quote, clear = sniff_dialect([text for text, _ in read], usual_delimiter)
    files = [_rows(text, whole, delimiter, quote, most_records + 1) for text, whole in read]
    header = have_header(files)
    table = _table(files, header)
    nulls = sniff_nulls(table.columns)
    booleans = sniff_booleans(table.columns, nulls)
    found = _infer(table, nulls, booleans)
    csv: dict[str, object] = {"delimiter": delimiter, "header": header}
    others = {"quote": quote, "encoding": encoding, "nulls": nulls, "booleans": booleans}
    csv |= {key: value for key, value in others.items() if value != _DEFAULTS[key]}
    notes = _notes(csv, clear=clear, other_encodings=len(heads) - len(read))
    return CsvInferred(csv, notes, found)


def _rows(text: str, whole: bool, delimiter: str, quote: str, most: int) -> list[list[Cell] | None]:
    """The first rows, without one that may be cut."""
    rows = list(islice(read_rows(text, delimiter, quote), most))
    return rows if whole or len(rows) == most else rows[:-1]


def _infer(table: _Table, nulls: Sequence[str], booleans: Booleans) -> Inferred:
    choice = TypeChoice(always_null=String())
    whole = Observed(values=table.records, kinds={"object": table.records})
    for name, cells in table.columns.items():
        whole.fields[name] = observe(cells, nulls, booleans, name)
        values = {cell.text for cell in cells if not is_null(cell, nulls)}
        if values and all(map(LIKE_A_NUMBER.fullmatch, values)) and not all(map(is_number, values)):
            choice.note(
                (name,), f"text, for not all are numbers as JSON writes them, such as {_odd(values)!r}"
            )
        texts = sorted({cell.text for cell in cells if cell.text and is_null(cell, nulls)})
        if texts and whole.fields[name].kinds.keys() == {"text"}:
            choice.note((name,), f"null where a cell is {' or '.join(texts)}")
    return choose_columns(whole, choice, table.unreadable)


def _odd(values: set[str]) -> str:
    return min(value for value in values if not is_number(value))


def _table(files: Sequence[Sequence[list[Cell] | None]], header: bool) -> _Table:
    table = _Table()
    for rows in files:
        names, body = _names(rows, header)
        if names is None:
            table.unreadable += len(body)
            continue
        for row in body:
            if row is None or len(row) != len(names):
                table.unreadable += 1
                continue
            for name, cell in zip(names, row, strict=True):
                table.columns.setdefault(name, []).append(cell)
            table.records += 1
    return table


def _names(
    rows: Sequence[list[Cell] | None], header: bool
) -> tuple[list[str] | None, Sequence[list[Cell] | None]]:
    """The names of the columns, None where they cannot be read, and the rows below them."""
    if not header:
        widths = [len(row) for row in rows if row]
        width = max(set(widths), key=widths.count, default=0)
        return [f"column{number}" for number in range(1, width + 1)], rows
    if not rows or rows[0] is None:
        return None, rows[1:]
    names = [cell.text for cell in rows[0]]
    return (names if len(set(names)) == len(names) else None), rows[1:]


def _notes(csv: dict[str, object], *, clear: bool, other_encodings: int) -> dict[str, str]:
    notes = {}
    if not clear:
        notes["delimiter"] = "no delimiter is certain: the rows of the sample have one cell"
    notes["header"] = (
        "the first record of each file names its columns"
        if csv["header"]
        else "no names in the files: the columns below are in the order of the cells; name them as you like"
    )
    if "encoding" in csv:
        notes["encoding"] = "not UTF-8" + f"; {other_encodings} files are in another encoding" * bool(
            other_encodings
        )
    if "nulls" in csv:
        notes["nulls"] = "cells without quotes that have no value, in all columns"
    if "booleans" in csv:
        notes["booleans"] = "what stands for true, and what for false"
    return notes

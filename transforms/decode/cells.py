"""Records of cells (CSV) into Arrow columns, under a contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from config.column_types import Boolean, Decimal, Float, Integer, Json, Timestamp
from config.pipeline import Contract
from config.source import Csv
from config.text_form import TextForm
from transforms.decode.decoder import ON_UNKNOWN, SLOTS, Decoded, assembled
from transforms.decode.headers import names_of
from transforms.decode.kernel.codes import (
    BOOLEAN_CELL,
    JSON_CELL,
    MORE_RESCUE,
    NUMBER_CELL,
    OWN_TEXT,
    PADDING,
    TEXT_CELL,
    UNKNOWN_HEADER,
)
from transforms.decode.kernel.library import call, kernel
from transforms.decode.lines import Lines
from transforms.decode.shape import Shape, shape_of
from transforms.decode.tokenized import Rescue, Slots, Tokenized, addresses, program_of

_PATH_CHARACTERS = frozenset(".[]'")
_HEADERS = 64
"""Headers whose meaning is kept in mind: files mostly have the same."""


@dataclass(frozen=True)
class _Layout:
    """What the cells of records are: `table` is `kernel.source.csv_tokens.Cells`, `held` its arrays.

    is_known: whether any cell has a column.
    """

    table: NDArray[np.int64]
    held: tuple[NDArray[np.int64] | NDArray[np.uint8], ...]
    is_known: bool


class CellDecoder:
    """Decodes records of cells under one contract; safe to use from several threads at once.

    No cell fits a column that is a struct or a list; and no record one whose header names no column at all.
    """

    def __init__(self, contract: Contract, csv: Csv, max_nesting: int) -> None:
        kernel()
        self._contract = contract
        self._csv = csv
        self._max_nesting = max_nesting
        self._shape = shape_of(contract.columns)
        self._program = program_of(self._shape)
        self._rescue_room = 1 << 16
        self._layout = lru_cache(_HEADERS)(self._new_layout)

    def decode(self, data: NDArray[np.uint8], form: TextForm, found: Lines) -> Iterator[Decoded]:
        """Record r is `data[found.offsets[r]:found.ends[r]]`; PADDING zeros follow; `data` is not changed.

        Lazy: yields the records in order, as many at a time as SLOTS has room for.
        """
        layout = self._layout(form)
        text = _Text(data)
        step = max(1, SLOTS // len(self._shape.kind))
        for first in range(0, len(found.parts), step):
            tokens = self._tokenized(text, layout, found.between(first, first + step))
            if not layout.is_known:
                tokens.verdicts[:], tokens.nodes[:] = UNKNOWN_HEADER, 0
            yield assembled(self._shape, self._program, tokens, self._contract.on_mismatch == "rescue")

    def _tokenized(self, text: _Text, layout: _Layout, found: Lines) -> Tokenized:
        records = len(found.parts)
        ends = found.offsets[1:] if found.ends is None else found.ends
        longest = int((ends - found.offsets[:-1]).max())
        memory = np.empty(self._max_nesting + longest + PADDING, np.uint8)
        while True:
            slots = Slots(self._shape, records, 0)
            rescue = Rescue(np.empty(records + 1, np.int64), np.empty(self._rescue_room, np.uint8))
            verdicts, nodes = np.zeros(records, np.uint8), np.zeros(records, np.int32)
            outcome = call(
                "tokenize_cells",
                text.data,
                text.is_own,
                records,
                found.offsets,
                ends,
                layout.table,
                slots.table,
                rescue.offsets,
                rescue.text,
                len(rescue.text),
                ON_UNKNOWN[self._contract.on_new_column],
                self._max_nesting,
                memory,
                verdicts,
                nodes,
            )
            if outcome == OWN_TEXT:
                text.make_own()
            elif outcome == MORE_RESCUE:
                self._rescue_room = 4 * len(rescue.text)
                text.forget()  # on which some records have been written already
            else:
                return Tokenized(text.data, self._shape, slots, rescue, verdicts, nodes, is_cells=True)

    def _new_layout(self, form: TextForm) -> _Layout:
        columns = {self._shape.columns[node].name: node for node in self._shape.children(0)}
        names = list(columns) if form.header is None else names_of(form)
        nodes = [columns.get(name, -1) for name in names]
        nulls = [null.encode() for null in self._csv.nulls]
        words = [_step(name).encode() for name in names]
        words += [value.encode() for value in self._csv.booleans] + nulls
        text = np.frombuffer(b"".join(words) + bytes(PADDING), np.uint8)
        lengths = np.array([len(word) for word in words], np.int64)
        starts = np.cumsum(lengths) - lengths + text.ctypes.data
        targets = np.array(nodes, np.int64)
        readings = np.array([_reading(self._shape, node) for node in nodes], np.int64)
        table = addresses(
            len(names),
            targets,
            readings,
            starts,
            lengths,
            len(nulls),
            max(map(len, nulls), default=-1),
            ord(form.delimiter),
            ord(form.quote),
        )
        return _Layout(table, (targets, readings, starts, lengths, text), max(nodes, default=-1) >= 0)


class _Text:
    """A block, or a copy of it that may be written on."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self._block = self.data = block
        self.is_own = False

    def make_own(self) -> None:
        """Copies the block."""
        self.data, self.is_own = self._block.copy(), True

    def forget(self) -> None:
        """Goes back to the block."""
        self.data, self.is_own = self._block, False


def _step(name: str) -> str:
    """A name as a path of `_rescued` has it, within a JSON string."""
    is_plain = name and not _PATH_CHARACTERS.intersection(name)
    return json.dumps(name if is_plain else f"['{name}']", ensure_ascii=False)[1:-1]


def _reading(shape: Shape, node: int) -> int:
    match shape.columns[node].type:
        case Integer() | Float() | Decimal():
            return NUMBER_CELL
        case Boolean():
            return BOOLEAN_CELL
        case Json():
            return JSON_CELL
        case Timestamp(epoch=epoch) if epoch:
            return NUMBER_CELL
        case _:
            return TEXT_CELL

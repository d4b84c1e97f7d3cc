"""Records of JSON into Arrow columns, under a contract.

This is the seam between Penstock and the engine that reads text: records in; columns, verdicts and rescued
text out. What lies around it does not know what is inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from config.pipeline import Contract
from transforms.decode.arrow import lists, strings, structs
from transforms.decode.kernel.codes import (
    ARRAY,
    IGNORE_FIELD,
    LIST,
    NULL,
    OBJECT,
    REASONS,
    REFUSE_FIELD,
    RESCUE_FIELD,
    STRUCT,
    TYPE_MISMATCH,
)
from transforms.decode.kernel.library import call, kernel
from transforms.decode.shape import Shape, shape_of
from transforms.decode.tokenized import Rescue, Room, Tokenized, program_of, tokenized
from transforms.decode.values import Values, values_of

SLOTS = 8_000_000
"""Tokens that are decoded at a time, 13 bytes each: wide contracts take fewer records a step."""

ON_UNKNOWN = {"rescue": RESCUE_FIELD, "add": RESCUE_FIELD, "ignore": IGNORE_FIELD, "fail": REFUSE_FIELD}


@dataclass(frozen=True)
class Decoded:
    """What became of some records, a slot for each.

    columns: a struct of the contract's columns; void where the record was refused.
    verdicts: 0 where the record was accepted, else a number that `Decoder.reason` puts into a word.
    nodes: what the verdict is about, a number that `Decoder.column` puts into a path.
    rescued: a JSON object of the values without a place in the contract, by path; null where there are none.
    """

    columns: pa.StructArray
    verdicts: NDArray[np.uint8]
    nodes: NDArray[np.int32]
    rescued: pa.Array


class Decoder:
    """Decodes records under one contract; safe to use from several threads at once."""

    def __init__(self, contract: Contract, max_nesting: int) -> None:
        kernel()  # made or loaded once, before threads ask for it
        self._shape = shape_of(contract.columns)
        self._program = program_of(self._shape)
        self._keeps_mismatches = contract.on_mismatch == "rescue"
        self._on_unknown = ON_UNKNOWN[contract.on_new_column]
        self._max_nesting = max_nesting
        self._room = Room(elements=4, rescue=1 << 16)  # a guess, that grows where records prove it wrong

    def decode(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Iterator[Decoded]:
        """Record r is `data[offsets[r]:offsets[r + 1]]`, its newline included; `data` ends in PADDING zeros.

        Lazy: yields the records in order, as many at a time as SLOTS has room for.
        """
        step = max(1, SLOTS // len(self._shape.kind))
        for first in range(0, len(offsets) - 1, step):
            yield self._decoded(data, offsets[first : first + step + 1])

    def reason(self, verdict: int) -> str:
        """The word for a verdict."""
        return REASONS[verdict]

    def column(self, node: int) -> str | None:
        """The dotted path of what a verdict is about; None for the record as a whole."""
        return self._shape.path(node) or None

    def _decoded(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Decoded:
        found, self._room = tokenized(
            data, offsets, self._shape, self._program, self._room, self._on_unknown, self._max_nesting
        )
        return assembled(self._shape, self._program, found, self._keeps_mismatches)


def assembled(shape: Shape, program: NDArray[np.int64], found: Tokenized, keeps_mismatches: bool) -> Decoded:
    """Tokens as values; what does not fit refuses its record, or is rescued where `keeps_mismatches`."""
    assembly = _Assembly(shape, program, found, keeps_mismatches)
    columns = assembly.children(0)
    rescue = assembly.rescued()
    names = [column.name for column in shape.columns_of(0)]
    record = structs(names, columns, np.ones(len(found.verdicts), np.bool_))
    text = rescue.text[: rescue.offsets[-1]]
    return Decoded(record, found.verdicts, found.nodes, strings(rescue.offsets, text))


class _Assembly:
    """Builds the arrays of a shape from the bottom up, and settles on the way what is refused."""

    def __init__(
        self, shape: Shape, program: NDArray[np.int64], found: Tokenized, keeps_mismatches: bool
    ) -> None:
        self._shape = shape
        self._tables = program, found.slots.table
        self._found = found
        self._keeps_mismatches = keeps_mismatches
        self._kept: list[tuple[int, Values]] = []  # nodes with refused values that are to be rescued

    def children(self, node: int) -> list[pa.Array]:
        """The arrays of the nodes below `node`."""
        return [self._array(child) for child in self._shape.children(node)]

    def _array(self, node: int) -> pa.Array:
        kind = self._shape.kind[node]
        values = self._nested(node) if kind in (STRUCT, LIST) else self._leaf(node)
        required = self._shape.columns[node].required
        if required:
            missing = call("find_missing", *self._tables, node, len(values.verdicts), values.verdicts)
            values = Values(values.array, values.verdicts, values.refused + missing)
        if values.refused:
            self._settle(node, values, required)
        return values.array

    def _leaf(self, node: int) -> Values:
        return values_of(self._shape.columns[node].type, self._found.tokens(node))

    def _nested(self, node: int) -> Values:
        tokens = self._found.tokens(node)
        wanted = OBJECT if self._shape.kind[node] == STRUCT else ARRAY
        valid = tokens.tags == wanted
        verdicts = np.where(valid | (tokens.tags <= NULL), np.uint8(0), np.uint8(TYPE_MISMATCH))
        below = self.children(node)
        if wanted == OBJECT:
            array = structs([field.name for field in self._shape.columns_of(node)], below, valid)
        else:
            counts = np.where(valid, tokens.ends.astype(np.int64) - tokens.starts, 0)
            array = lists(counts, below[0], valid)
        return Values(array, verdicts, int(np.count_nonzero(verdicts)))

    def _settle(self, node: int, values: Values, required: bool) -> None:
        if self._keeps_mismatches and not required:
            self._kept.append((node, values))
            return
        found, refused = self._found, values.verdicts
        records = len(found.verdicts)
        call(
            "refuse_records", *self._tables, node, len(refused), refused, records, found.verdicts, found.nodes
        )

    def rescued(self) -> Rescue:
        """The rescued text of each record, refused values included where these are kept."""
        old = self._found.rescue
        if not self._kept:
            return old
        total = sum(values.refused for _, values in self._kept)
        records, nodes, places = (np.empty(total, np.int64) for _ in range(3))
        at = 0
        for node, values in self._kept:
            refused = values.verdicts
            at = call(
                "list_refused", *self._tables, node, len(refused), refused, at, total, records, nodes, places
            )
        order = np.argsort(records, kind="stable")
        kept = records[order], nodes[order], places[order]
        room = int(old.offsets[-1]) + call("rescue_room", *self._tables, total, kept[1], kept[2])
        new = Rescue(np.empty_like(old.offsets), np.empty(room, np.uint8))
        call(
            "merge_rescued",
            self._found.data,
            *self._tables,
            len(old.offsets) - 1,
            old.offsets,
            old.text,
            new.offsets,
            new.text,
            total,
            *kept,
            self._found.is_cells,
        )
        return new

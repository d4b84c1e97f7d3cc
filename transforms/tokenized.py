"""Running the tokenizer: room for its outputs, and more room where the first guess was too small."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from transforms.kernel.codes import DONE, MORE_ELEMENTS
from transforms.kernel.shape import Shape
from transforms.kernel.tokens import Program, Rescue, Slots, tokenize
from transforms.values import Tokens


@dataclass(frozen=True)
class Tokenized:
    """The tokens of some records; `verdicts` and `nodes` are those of `transforms.decoder.Decoded`."""

    data: NDArray[np.uint8]
    shape: Shape
    program: Program
    slots: Slots
    rescue: Rescue
    verdicts: NDArray[np.uint8]
    nodes: NDArray[np.int16]

    def tokens(self, node: int) -> Tokens:
        """The tokens of one node, a slot for each of its space."""
        begin = self.slots.base[node]
        used = slice(begin, begin + self.slots.used[self.shape.space[node]])
        return Tokens(self.data, self.slots.tags[used], self.slots.starts[used], self.slots.ends[used])


@dataclass(frozen=True)
class Room:
    """How much the tokenizer may write."""

    elements: int  # of each list, a record
    rescue: int  # bytes in all


def program_of(shape: Shape) -> Program:
    """The shape as the tokenizer takes it: addresses into `shape`, which must outlive them."""
    tables = (
        shape.kind,
        shape.parent,
        shape.first,
        shape.fanout,
        shape.space,
        shape.name_start,
        shape.name_length,
        shape.names,
    )
    return Program(len(shape.kind), *(table.ctypes.data for table in tables))


def _slots(shape: Shape, records: int, room: Room) -> Slots:
    capacity = np.full(shape.spaces, records * room.elements, np.int64)
    capacity[0] = records
    used = np.zeros(shape.spaces, np.int64)
    used[0] = records
    sizes = capacity[shape.space]
    total = int(sizes.sum())
    return Slots(
        base=np.cumsum(sizes) - sizes,
        capacity=capacity,
        used=used,
        tags=np.zeros(total, np.uint8),
        starts=np.empty(total, np.int32),
        ends=np.empty(total, np.int32),
        owner=np.empty(total, np.int32),
    )


def tokenized(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    shape: Shape,
    program: Program,
    room: Room,
    on_unknown: int,
    max_nesting: int,
) -> tuple[Tokenized, Room]:
    """The tokens of the records, and the room that was enough for them."""
    records = len(offsets) - 1
    while True:
        slots = _slots(shape, records, room)
        rescue = Rescue(np.zeros(records + 1, np.int64), np.empty(room.rescue, np.uint8))
        verdicts, nodes = np.zeros(records, np.uint8), np.zeros(records, np.int16)
        outcome = tokenize(data, offsets, program, slots, rescue, on_unknown, max_nesting, verdicts, nodes)
        if outcome == DONE:
            return Tokenized(data, shape, program, slots, rescue, verdicts, nodes), room
        if outcome == MORE_ELEMENTS:
            room = replace(room, elements=room.elements * 4)
        else:
            room = replace(room, rescue=room.rescue * 4)

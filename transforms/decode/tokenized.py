"""Running the tokenizer: room for its outputs, and more room where the first guess was too small."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.decode.kernel.codes import DONE, MORE_ELEMENTS
from transforms.decode.kernel.library import call
from transforms.decode.shape import Shape
from transforms.decode.values import Tokens


def addresses(*fields: int | NDArray[Any]) -> NDArray[np.int64]:
    """Numbers, and arrays as their addresses: a table for the kernel. The arrays must outlive it."""
    return np.array([one.ctypes.data if isinstance(one, np.ndarray) else one for one in fields], np.int64)


def program_of(shape: Shape) -> NDArray[np.int64]:
    """The shape as the kernel takes it (`kernel.source.nodes.Program`); `shape` must outlive it."""
    return addresses(
        len(shape.kind),
        shape.kind,
        shape.parent,
        shape.first,
        shape.fanout,
        shape.space,
        shape.name_start,
        shape.name_length,
        shape.names,
    )


class Slots:
    """Room for tokens; what is where is told in `transforms.decode.kernel.source.nodes.Slots`."""

    def __init__(self, shape: Shape, records: int, elements: int) -> None:
        capacity = np.full(shape.spaces, elements, np.int64)
        capacity[0] = records
        sizes = capacity[shape.space]
        total = int(sizes.sum())
        self.base = np.cumsum(sizes) - sizes
        self.capacity = capacity
        self.used = np.zeros(shape.spaces, np.int64)
        self.used[0] = records
        self.tags = np.zeros(total, np.uint8)
        self.starts = np.empty(total, np.int32)
        self.ends = np.empty(total, np.int32)
        self.owner = np.empty(total, np.int32)
        arrays = (self.base, self.capacity, self.used, self.tags, self.starts, self.ends, self.owner)
        self.table = addresses(len(shape.kind), shape.spaces, total, *arrays)


@dataclass(frozen=True)
class Rescue:
    """One JSON object a record, `text[offsets[r]:offsets[r + 1]]`; empty where nothing was rescued."""

    offsets: NDArray[np.int64]
    text: NDArray[np.uint8]


@dataclass(frozen=True)
class Tokenized:
    """The tokens of some records; `verdicts` and `nodes` are those of `transforms.decode.decoder.Decoded`."""

    data: NDArray[np.uint8]
    shape: Shape
    slots: Slots
    rescue: Rescue
    verdicts: NDArray[np.uint8]
    nodes: NDArray[np.int32]
    is_cells: bool = False  # and text is not JSON

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


def tokenized(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    shape: Shape,
    program: NDArray[np.int64],
    room: Room,
    on_unknown: int,
    max_nesting: int,
) -> tuple[Tokenized, Room]:
    """The tokens of the records, and the room that was enough for them."""
    records = len(offsets) - 1
    most_elements = int(offsets[-1] - offsets[0]) // 2 + 1  # with its comma, an element takes two bytes
    memory = _memory(shape, max_nesting, int(np.diff(offsets).max()))
    while True:
        slots = Slots(shape, records, min(records * room.elements, most_elements))
        rescue = Rescue(np.empty(records + 1, np.int64), np.empty(room.rescue, np.uint8))
        verdicts, nodes = np.zeros(records, np.uint8), np.zeros(records, np.int32)
        outcome = call(
            "tokenize",
            data,
            records,
            offsets,
            program,
            slots.table,
            rescue.offsets,
            rescue.text,
            room.rescue,
            on_unknown,
            max_nesting,
            memory,
            verdicts,
            nodes,
        )
        if outcome == DONE:
            return Tokenized(data, shape, slots, rescue, verdicts, nodes), room
        if outcome == MORE_ELEMENTS:
            room = replace(room, elements=room.elements * 4)
        else:
            room = replace(room, rescue=room.rescue * 4)


def _memory(shape: Shape, max_nesting: int, longest: int) -> NDArray[np.uint8]:
    """What the tokenizer works in: its stack, the brackets that are open, and a key without its escapes."""
    return np.empty(8 * (3 * len(shape.kind) + shape.spaces) + max_nesting + longest, np.uint8)

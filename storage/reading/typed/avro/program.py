"""The schema of a row as the program that reads it; see `kernel`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from storage.reading.typed.avro import kernel
from storage.reading.typed.avro.schema import Node

_OPERATIONS = {
    "boolean": kernel.BOOLEAN,
    "int": kernel.INT,
    "long": kernel.LONG,
    "float": kernel.FIXED,
    "double": kernel.FIXED,
    "fixed": kernel.FIXED,
    "bytes": kernel.BYTES,
    "string": kernel.BYTES,
    "enum": kernel.ENUM,
}
_SIZES = {"float": 4, "double": 8}


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the values of one node go.

    Attributes:
        item_bytes: Of one value; of one offset, where the values have offsets.
        has_offsets: Whether there is one offset more than there are values.
        has_bytes: Whether the offsets are those of bytes.
    """

    item_bytes: int
    has_offsets: bool = False
    has_bytes: bool = False


@dataclass(slots=True)
class Program:
    """Instructions, and slots in the order of the nodes, parents first; records and nulls have none."""

    instructions: list[list[int]] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    @classmethod
    def of(cls, row: Node) -> Program:
        """The program that reads one row."""
        found = cls()
        found._read(row)
        found._add(kernel.ROW_END)
        return found

    def array(self) -> NDArray[np.int32]:
        """As the kernel takes it."""
        return np.array(self.instructions, np.int32)

    def _read(self, node: Node) -> None:
        if node.kind == "record":
            for child in node.children:
                self._read(child)
        elif node.kind == "union":
            self._read_union(node)
        elif node.kind in ("array", "map"):
            self._read_items(node)
        elif node.kind != "null":
            self._read_leaf(node)

    def _read_leaf(self, node: Node) -> None:
        size = _SIZES.get(node.kind, node.size)
        argument = len(node.labels) if node.kind == "enum" else size
        operation = _OPERATIONS[node.kind]
        widths = {kernel.BOOLEAN: 1, kernel.LONG: 8, kernel.FIXED: size}
        has_bytes = operation == kernel.BYTES
        self._add(operation, self._slot(Slot(widths.get(operation, 4), has_bytes, has_bytes)), argument)

    def _read_union(self, node: Node) -> None:
        """A jump for each branch, the branches, and behind each of them a jump to the end."""
        self._add(kernel.UNION, self._slot(Slot(1)), len(node.children))
        jumps = [self._add(kernel.JUMP) for _ in node.children]
        ends = []
        for jump, child in zip(jumps, node.children, strict=True):
            self.instructions[jump][2] = len(self.instructions)
            self._read(child)
            ends.append(self._add(kernel.JUMP))
        for end in ends:
            self.instructions[end][2] = len(self.instructions)

    def _read_items(self, node: Node) -> None:
        """The item, a jump back, and at the head where to go when there is no item left. A map has keys."""
        slot = self._slot(Slot(4, has_offsets=True))
        head = self._add(kernel.ARRAY, slot)
        if node.kind == "map":
            self._read(MAP_KEY)
        self._read(node.children[0])
        self._add(kernel.NEXT_ITEM, slot, head)
        self.instructions[head][2] = len(self.instructions)

    def _slot(self, slot: Slot) -> int:
        self.slots.append(slot)
        return len(self.slots) - 1

    def _add(self, operation: int, slot: int = 0, argument: int = 0) -> int:
        self.instructions.append([operation, slot, argument])
        return len(self.instructions) - 1


MAP_KEY = Node("string", "string")
"""What stands before each value of a map."""

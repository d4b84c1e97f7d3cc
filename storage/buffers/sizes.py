"""Sizes of Arrow data in memory: each column, broken down by buffer.

Bytes *in use* are those that rows look at: of a slice only its part. Bytes *held* are those of whole buffers,
which stay in memory as long as anybody looks at any of them. Memory that is shared is counted where it is met
first, and nowhere else. Capacity behind the end of a buffer, which Arrow does not tell, is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Literal

Kind = Literal["validity", "values", "offsets", "sizes", "data", "views", "variadic", "indices", "type ids"]


@dataclass(frozen=True, slots=True)
class BufferMemory:
    """The buffers of one kind of a column, in all of its chunks.

    Attributes:
        kind: `validity`: a bit for each row; `values`: of fixed width; `offsets` into `data` or a child;
            `sizes` of list views; `data`: the bytes of texts; `views`: 16 bytes for each text, which hold
            short ones, and `variadic`: the longer ones; `indices` into a dictionary; `type ids` of unions.
        count: How many there are; shared ones each time.
        used: Bytes in use.
        held: Bytes of the whole buffers.
    """

    kind: Kind
    count: int
    used: int
    held: int

    def __add__(self, other: BufferMemory) -> BufferMemory:
        """The buffers of both."""
        return BufferMemory(
            self.kind, self.count + other.count, self.used + other.used, self.held + other.held
        )


@dataclass(frozen=True, slots=True)
class ColumnMemory:
    """A column, or what is inside of one.

    Attributes:
        name: Of a column or a field; `item`, `entries`, `dictionary`, `run_ends`, `values` where Arrow has no
            other name. Empty for an array.
        type: As Arrow writes it.
        rows: Of a child those that are in use.
        nulls: Of these, by the validity of this very level.
        buffers: Its own.
        children: Fields, list items, dictionaries, runs.
    """

    name: str
    type: str
    rows: int
    nulls: int
    buffers: tuple[BufferMemory, ...]
    children: tuple[ColumnMemory, ...] = ()

    @property
    def used(self) -> int:
        """Bytes in use, children included."""
        return sum(one.used for one in self.buffers) + sum(one.used for one in self.children)

    @property
    def held(self) -> int:
        """Bytes of whole buffers, children included."""
        return sum(one.held for one in self.buffers) + sum(one.held for one in self.children)

    def walk(self, above: str = "") -> Iterator[tuple[str, ColumnMemory]]:
        """This one and all inside of it, with their paths; dots between names."""
        path = f"{above}.{self.name}" if above else self.name
        yield path, self
        for child in self.children:
            yield from child.walk(path)

    def __add__(self, other: ColumnMemory) -> ColumnMemory:
        """The rows of both, which are chunks of one column."""
        kinds = dict.fromkeys(one.kind for one in (*self.buffers, *other.buffers))
        found = [[one for one in (*self.buffers, *other.buffers) if one.kind == kind] for kind in kinds]
        return ColumnMemory(
            self.name,
            self.type,
            self.rows + other.rows,
            self.nulls + other.nulls,
            tuple(reduce(BufferMemory.__add__, some) for some in found),
            tuple(one + two for one, two in zip(self.children, other.children, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """What some Arrow data takes."""

    columns: tuple[ColumnMemory, ...]

    @property
    def used(self) -> int:
        """Bytes in use."""
        return sum(one.used for one in self.columns)

    @property
    def held(self) -> int:
        """Bytes of whole buffers."""
        return sum(one.held for one in self.columns)

    def __add__(self, other: Memory) -> Memory:
        """Of data with the same columns, one behind the other; what both share is counted twice."""
        if not self.columns or not other.columns:
            return self if self.columns else other
        return Memory(tuple(one + two for one, two in zip(self.columns, other.columns, strict=True)))


def total(parts: Iterable[Memory]) -> Memory:
    """Of all `parts`, which have the same columns and share nothing."""
    return reduce(Memory.__add__, parts, Memory(()))

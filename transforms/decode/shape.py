"""A contract as flat arrays, the form in which the tokenizer follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.column_types import Column, List, Struct
from transforms.decode.kernel.codes import LEAF, LIST, PADDING, STRUCT


@dataclass(frozen=True)
class Shape:
    """The nodes of a contract, parents before children, siblings side by side; node 0 is the record.

    A node's values lie in a *space*: space 0 has one slot a record, each list opens a further space with
    one slot an element. A struct shares the space of its parent.
    """

    columns: tuple[Column, ...]  # of each node; the record and list elements have no name
    kind: NDArray[np.int64]  # LEAF, STRUCT or LIST
    parent: NDArray[np.int64]  # node; -1 for the record
    first: NDArray[np.int64]  # first child
    fanout: NDArray[np.int64]  # number of children
    space: NDArray[np.int64]
    name_start: NDArray[np.int64]  # in `names`
    name_length: NDArray[np.int64]
    names: NDArray[np.uint8]  # the names end to end, then padding
    spaces: int

    def children(self, node: int) -> range:
        """The nodes below `node`, in the order of the contract."""
        return range(self.first[node], self.first[node] + self.fanout[node])

    def columns_of(self, node: int) -> list[Column]:
        """What the contract says of the nodes below `node`."""
        return [self.columns[child] for child in self.children(node)]

    def path(self, node: int) -> str:
        """The dotted path of a node, as `actor.id` or `commits[].sha`; empty for the record."""
        parent = int(self.parent[node])
        if parent < 0:
            return ""
        if self.kind[parent] == LIST:
            return f"{self.path(parent)}[]"
        return f"{self.path(parent)}.{self.columns[node].name}".lstrip(".")


def _below(column: Column) -> tuple[Column, ...]:
    if isinstance(column.type, Struct):
        return column.type.fields
    return (column.type.element,) if isinstance(column.type, List) else ()


def _kind(column: Column) -> int:
    if isinstance(column.type, Struct):
        return STRUCT
    return LIST if isinstance(column.type, List) else LEAF


def _integers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def shape_of(columns: Sequence[Column]) -> Shape:
    """The nodes of `columns`, breadth first."""
    nodes = [Column("", Struct(tuple(columns)), required=True)]
    parent, first, fanout, space = [-1], [], [], [0]
    spaces = 1
    for node, column in enumerate(nodes):  # grows while it is walked
        below = _below(column)
        first.append(len(nodes))
        fanout.append(len(below))
        nodes.extend(below)
        parent.extend([node] * len(below))
        if isinstance(column.type, List):
            space.append(spaces)
            spaces += 1
        else:
            space.extend([space[node]] * len(below))
    names = [column.name.encode() for column in nodes]
    lengths = _integers([len(name) for name in names])
    return Shape(
        columns=tuple(nodes),
        kind=_integers([_kind(column) for column in nodes]),
        parent=_integers(parent),
        first=_integers(first),
        fanout=_integers(fanout),
        space=_integers(space),
        name_start=np.cumsum(lengths) - lengths,
        name_length=lengths,
        names=np.frombuffer(b"".join(names) + bytes(PADDING), np.uint8),
        spaces=spaces,
    )

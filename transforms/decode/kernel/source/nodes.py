"""The contract and the tokens, as the kernel sees them: tables of addresses.

`transforms.decode.tokenized` makes both, item by item in the order of these tuples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.memory import bytes_at, ints_at, load_item, longs_at


class Program(NamedTuple):
    """A `transforms.decode.shape.Shape`: how many nodes, then addresses of arrays with an int64 for each."""

    nodes: int
    kind: int
    parent: int
    first: int
    fanout: int
    space: int
    name_start: int
    name_length: int
    names: int  # address of the text


class Slots(NamedTuple):
    """Where the tokens go: node `k`, slot `s` of its space is at `base[k] + s`.

    For a list, `starts` and `ends` count slots of its elements' space; otherwise they are byte offsets in
    the block. `owner` gives the slot of the list that an element belongs to.
    """

    base: NDArray[np.int64]  # of each node
    capacity: NDArray[np.int64]  # of each space
    used: NDArray[np.int64]  # of each space
    tags: NDArray[np.uint8]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    owner: NDArray[np.int32]


@compiled
def program_at(table):
    """The program whose fields lie at an address."""
    return Program(
        load_item(table, 0),
        load_item(table, 1),
        load_item(table, 2),
        load_item(table, 3),
        load_item(table, 4),
        load_item(table, 5),
        load_item(table, 6),
        load_item(table, 7),
        load_item(table, 8),
    )


@compiled
def slots_at(table):
    """The slots that an address tells of: numbers of nodes, spaces and tokens, then the arrays' addresses."""
    nodes, spaces, tokens = load_item(table, 0), load_item(table, 1), load_item(table, 2)
    return Slots(
        longs_at(load_item(table, 3), nodes),
        longs_at(load_item(table, 4), spaces),
        longs_at(load_item(table, 5), spaces),
        bytes_at(load_item(table, 6), tokens),
        ints_at(load_item(table, 7), tokens),
        ints_at(load_item(table, 8), tokens),
        ints_at(load_item(table, 9), tokens),
    )

"""Where slots lie: which record each belongs to, and how that place is called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.decode.kernel.codes import LIST
from transforms.decode.shape import Shape
from transforms.decode.typed.json_scalars import json_string, literal
from transforms.decode.typed.plain import TEXT, Slots


@dataclass(frozen=True)
class Space:
    """The slots of a node; those of a list's elements lie in the lists of the space above.

    offsets: list k of the space above has the slots from offsets[k] to offsets[k + 1]; None for records.
    """

    size: int
    above: Space | None = None
    offsets: Slots | None = None

    def below(self, counts: Slots) -> Space:
        """The space of the elements of lists that have so many."""
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        return Space(int(offsets[-1]), self, offsets)

    def owners(self, slots: Slots) -> Slots:
        """The list that each slot lies in."""
        assert self.offsets is not None
        return np.searchsorted(self.offsets, slots, side="right") - 1

    def records(self, slots: Slots) -> Slots:
        """The record that each slot belongs to."""
        return slots if self.above is None else self.above.records(self.owners(slots))


def paths(shape: Shape, node: int, space: Space, slots: Slots, key: str | None = None) -> list[pa.Array]:
    """The parts of the path of each slot, a large string or an array of them; `key` names a field below.

    Written as by `transforms.decode.kernel.source.paths`, names with the escapes of JSON.
    """
    parts = [] if key is None else [_step(key, first=node == 0)]
    while node > 0:
        parent = int(shape.parent[node])
        if shape.kind[parent] == LIST:
            assert space.above is not None and space.offsets is not None
            owners = space.owners(slots)
            number = pa.array(slots - space.offsets[owners]).cast(TEXT)
            parts += [literal("]"), number, literal("[")]
            slots, space = owners, space.above
        else:
            parts.append(_step(shape.columns[node].name, first=parent == 0))
        node = parent
    return parts[::-1]


def _step(name: str, *, first: bool) -> pa.Scalar:
    """One step into a struct."""
    if name and not set(name) & set(".[]'"):
        return _escaped(name if first else f".{name}")
    return _escaped(f"['{name}']")


def _escaped(text: str) -> pa.Scalar:
    quoted = json_string(pa.array([text], TEXT))
    return pc.utf8_slice_codeunits(quoted, 1, -1)[0]

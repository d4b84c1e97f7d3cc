"""Values without a place in the contract, as one JSON object a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.decode.typed.json_scalars import joined, literal
from transforms.decode.typed.json_text import json_text, list_text
from transforms.decode.typed.plain import TEXT, Slots


@dataclass(frozen=True)
class Rescues:
    """Some values: the record of each, and its path and JSON text as `"path":value`."""

    records: Slots
    text: pa.Array


def rescues(records: Slots, path: Sequence[pa.Array], array: pa.Array, slots: Slots) -> Rescues:
    """The values of an array in some slots."""
    value = pc.fill_null(json_text(array, slots), "null")
    return Rescues(records, joined(literal('"'), *path, literal('":'), value))


def rescued(all_rescues: Sequence[Rescues], records: int) -> pa.Array:
    """A JSON object a record, large strings; null where nothing was rescued."""
    if not all_rescues:
        return pa.nulls(records, TEXT)
    owners = np.concatenate([some.records for some in all_rescues])
    text = pa.concat_arrays([some.text for some in all_rescues])
    order = pa.array(np.argsort(owners, kind="stable"))
    counts = np.bincount(owners, minlength=records)
    objects = joined(literal("{"), list_text(counts, text.take(order)), literal("}"))
    return pc.if_else(pa.array(counts > 0), objects, pa.scalar(None, TEXT))

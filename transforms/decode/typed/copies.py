"""Copies of rows as JSON, for the quarantine: for people, and to be restored from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.decode.arrow import lists, structs
from transforms.decode.typed.fitted import Mask
from transforms.decode.typed.json_scalars import json_string
from transforms.decode.typed.json_text import DEEPEST, object_text
from transforms.decode.typed.json_values import json_values
from transforms.decode.typed.plain import (
    BYTES,
    JSON,
    TEXT,
    elements_of,
    fields_of,
    is_extension,
    is_list,
    plain,
    unencoded,
    valid_slots,
)


def copies(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.Array:
    """Some rows of `batch`, each as one JSON object on one line; large_binary. Null columns are left out.

    As any JSON text of Arrow values, but for what that text could be taken for: maps are arrays of their
    entries, and text that says it is JSON is a string where JSON text would not be the same.
    """
    columns = [_unmistakable(column) for column in batch.columns]
    return object_text(batch.schema.names, columns, rows).cast(BYTES)


def every(array: pa.Array) -> Mask:
    """Where a plain array has a value."""
    known = valid_slots(array)
    return np.ones(len(array), np.bool_) if known is None else known


def _unmistakable(array: pa.Array) -> pa.Array:
    array = unencoded(array)
    if is_extension(array.type, JSON):
        return _documents(array)
    if not pa.types.is_nested(plain(array).type) or pa.types.is_union(plain(array).type):
        return array
    bare = plain(array)
    if is_list(bare.type):
        counts, elements = elements_of(bare)
        return lists(counts, _unmistakable(elements), every(bare))
    names = [field.name for field in bare.type]
    return structs(names, [_unmistakable(child) for child in fields_of(bare)], every(bare))


def _documents(array: pa.Array) -> pa.Array:
    text = plain(array).cast(TEXT)
    same = pc.equal(json_values(text, DEEPEST).array.cast(TEXT), text)
    taken_for_string = pc.match_substring_regex(text, '^"|\n')
    is_told = pc.fill_null(pc.and_not(same, taken_for_string), False)
    return pa.ExtensionArray.from_storage(pa.json_(TEXT), pc.if_else(is_told, text, json_string(text)))

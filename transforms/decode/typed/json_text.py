"""Any Arrow value as its JSON text.

A field of a struct that is null is left out: in a typed file each row has all fields, and null is its word
for a field that is not there. Elements of lists and values of maps are kept, as `null`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from transforms.decode.kernel.codes import ACCEPTED
from transforms.decode.typed.json_scalars import (
    in_quotes,
    joined,
    json_string,
    literal,
    literal_null,
    scalar_text,
)
from transforms.decode.typed.json_values import json_values
from transforms.decode.typed.plain import (
    JSON,
    TEXT,
    UUID,
    Slots,
    branches_of,
    chosen_elements,
    elements_of,
    fields_of,
    is_extension,
    is_list,
    is_text,
    picked,
    plain,
    unencoded,
    valid_slots,
)
from transforms.decode.typed.texts import uuid_text

DEEPEST = 1000
"""Brackets in a document that is to be copied as it is; the limit for what is decoded is another."""


def json_text(array: pa.Array, slots: Slots) -> pa.Array:
    """The values of some slots as JSON, large strings; null where there is none."""
    array = unencoded(array)
    if is_extension(array.type, JSON):
        # Without its type: Arrow 26 casts views of JSON to text of whatever memory they lie beside.
        return _documents(plain(picked(array, pa.array(slots))))
    if is_extension(array.type, UUID):
        return in_quotes(uuid_text(array).take(pa.array(slots)))
    array, types = plain(array), pa.types
    if types.is_struct(array.type):
        return _objects(array, slots)
    if types.is_map(array.type):
        return _maps(array, slots)
    if is_list(array.type):
        return _arrays(array, slots)
    if types.is_union(array.type):
        return _branches(array, slots)
    return scalar_text(picked(array, pa.array(slots)))


def object_text(names: Sequence[str], values: Sequence[pa.Array], slots: Slots) -> pa.Array:
    """One JSON object a slot, of the arrays' values there; null ones are left out."""
    parts = []
    for name, value in zip(names, values, strict=True):
        if value.null_count == len(value):
            continue
        key = json_string(pa.array([name], TEXT))[0]
        member = joined(literal(","), key, literal(":"), json_text(value, slots))
        parts.append(pc.fill_null(member, ""))
    nothing = pa.repeat(literal(""), len(slots))
    members = pc.utf8_slice_codeunits(joined(nothing, *parts), 1)
    return joined(literal("{"), members, literal("}"))


def list_text(counts: Slots, elements: pa.Array) -> pa.Array:
    """Texts with commas between them: the next `counts` of `elements` a slot."""
    offsets = np.concatenate([[0], np.cumsum(counts)])
    texts = pc.fill_null(elements, "null")
    return pc.binary_join(pa.LargeListArray.from_arrays(pa.array(offsets), texts), literal(","))


def _only(array: pa.Array, slots: Slots, text: pa.Array) -> pa.Array:
    """The text, null where the value is."""
    valid = valid_slots(array)
    return text if valid is None else pc.if_else(pa.array(valid[slots]), text, literal_null())


def _objects(array: pa.StructArray, slots: Slots) -> pa.Array:
    names = [field.name for field in array.type]
    return _only(array, slots, object_text(names, fields_of(array), slots))


def _arrays(array: pa.Array, slots: Slots) -> pa.Array:
    counts, elements = elements_of(array)
    some, chosen = chosen_elements(counts, slots)
    text = list_text(some, json_text(elements, chosen))
    return _only(array, slots, joined(literal("["), text, literal("]")))


def _maps(array: pa.MapArray, slots: Slots) -> pa.Array:
    """Objects where the keys are texts that differ, else arrays of `{"key": …, "value": …}`."""
    counts, entries = elements_of(array)
    some, chosen = chosen_elements(counts, slots)
    keys, values = fields_of(entries)
    if not is_text(plain(keys).type):
        return _arrays(array, slots)
    key_text = json_text(keys, chosen)
    members = joined(key_text, literal(":"), pc.fill_null(json_text(values, chosen), "null"))
    objects = joined(literal("{"), list_text(some, members), literal("}"))
    twice = _with_duplicates(np.repeat(np.arange(len(slots)), some), key_text, len(slots))
    text = pc.if_else(pa.array(twice), _arrays(array, slots), objects) if twice.any() else objects
    return _only(array, slots, text)


def _with_duplicates(owners: Slots, keys: pa.Array, count: int) -> NDArray[np.bool_]:
    twice = pl.DataFrame({"owner": owners, "key": pl.Series(keys)}).is_duplicated().to_numpy()
    flags = np.zeros(count, np.bool_)
    flags[owners[twice]] = True
    return flags


def _branches(array: pa.Array, slots: Slots) -> pa.Array:
    texts, places = [pa.nulls(1, TEXT)], np.zeros(len(array), np.int64)
    past = 1
    for of, branch in branches_of(array):
        texts.append(json_text(branch, np.arange(len(branch))))
        places[of] = np.arange(past, past + len(branch))
        past += len(branch)
    return pa.concat_arrays(texts).take(pa.array(places[slots]))


def _documents(texts: pa.Array) -> pa.Array:
    """Texts that are JSON as they are, on one line; others as JSON strings. JSON's null is null."""
    values = json_values(texts, DEEPEST)
    lines = pc.replace_substring(values.array.cast(TEXT), "\n", " ")
    if values.verdicts is None:
        return lines
    return pc.if_else(pa.array(values.verdicts == ACCEPTED), lines, json_string(texts.cast(TEXT)))

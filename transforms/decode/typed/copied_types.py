"""How values of an Arrow type are read back from their copies in JSON: as a column type, and made of that.

What comes back is what was there in all that a contract asks of it: lists are lists of any kind, words of a
dictionary are themselves. Of types that JSON text does not give back (unions, durations, intervals) the text
itself comes back, as a value that fits nothing but a `json` column, as theirs do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from config.column_types import (
    Binary,
    Boolean,
    Column,
    ColumnType,
    Date,
    Integer,
    Json,
    List,
    String,
    Struct,
)
from transforms.decode.arrow import lists, structs
from transforms.decode.typed.copies import every
from transforms.decode.typed.plain import (
    JSON,
    TEXT,
    UUID,
    elements_of,
    fields_of,
    is_bytes,
    is_extension,
    is_list,
    is_text,
)

_EPOCH = "1970-01-01T"
_MOMENT = "^[0-9]{4}-"
"""The years that JSON text can say; the others are no values of any column."""
_CLOCK = "^[0-9]{2}:[0-9]{2}:[0-9]{2}"
_UNSAID = r'"(NaN|Infinity|[-+]|0000-|[0-9]{5,}-|<)'
"""How text begins that stands for a number or a moment that JSON cannot say: the value fits no column."""


def column_of(field: pa.Field) -> Column:
    """The column that reads the copies of a field's values."""
    return Column(field.name, _column_type(bare_type(field.type)))


def original(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Values of `column_of` a field of this type as values of its own type; null where they are none."""
    kind, types = bare_type(kind), pa.types
    if is_extension(kind, JSON):
        return _documents(array)
    if is_extension(kind, UUID):
        return _uuids(array)
    if types.is_null(kind):
        return pa.nulls(len(array))
    if types.is_struct(kind):
        children = [original(child, field.type) for field, child in zip(kind, fields_of(array), strict=True)]
        return structs([field.name for field in kind], children, every(array))
    if is_list(kind):
        counts, elements = elements_of(array)
        found = lists(counts, original(elements, _element_type(kind)), every(array))
        return _map(found) if types.is_map(kind) else found
    return _leaf(array, kind)


def bare_type(kind: pa.DataType) -> pa.DataType:
    """The type without dictionaries, runs and extensions, UUIDs and JSON left out, around it."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return bare_type(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name not in (JSON, UUID):
        return bare_type(kind.storage_type)
    return kind


def _column_type(kind: pa.DataType) -> ColumnType:
    types = pa.types
    if types.is_struct(kind):
        return Struct(tuple(column_of(field) for field in kind))
    if is_list(kind):
        return List(Column("", _column_type(bare_type(_element_type(kind)))))
    if is_text(kind) or is_extension(kind, UUID) or _is_date64_or_clock(kind):
        return String()
    if types.is_boolean(kind):
        return Boolean()
    if types.is_integer(kind):
        return Integer(kind.bit_width, pa.types.is_signed_integer(kind))
    if types.is_date32(kind):
        return Date()
    return Binary() if is_bytes(kind) else Json()


def _element_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        return pa.struct([("key", kind.key_type), ("value", kind.item_type)])
    return kind.value_type


def _map(entries: pa.Array) -> pa.Array:
    """Lists of entries as the map that they were; null where a key is none."""
    keys, items = fields_of(entries.values)
    owners = np.repeat(np.arange(len(entries)), np.diff(entries.offsets.to_numpy()))
    valid = every(entries).copy()
    valid[owners[~every(keys)]] = False
    return pa.MapArray.from_arrays(entries.offsets.cast(pa.int32()), keys, items, mask=pa.array(~valid))


def _is_date64_or_clock(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_date64(kind) or types.is_time(kind) or types.is_timestamp(kind))


def _leaf(array: pa.Array, kind: pa.DataType) -> pa.Array:
    types = pa.types
    if is_text(kind) or is_bytes(kind) or types.is_boolean(kind) or types.is_integer(kind):
        return array
    if types.is_date32(kind):
        return array
    text = array.cast(TEXT)
    if types.is_floating(kind):
        numbers = _cast(_unquoted(text), pa.float64())
        return numbers.cast(kind if kind.bit_width > 16 else pa.float32(), safe=False).cast(kind)
    if types.is_decimal(kind):
        return _cast(text, kind)
    if types.is_timestamp(kind):
        return _cast(_only(text, _MOMENT), pa.timestamp(kind.unit, kind.tz and "UTC"))
    if types.is_date64(kind):
        return _cast(_only(text, _MOMENT), pa.timestamp("ms")).cast(pa.int64()).view(kind)
    if types.is_time(kind):
        return _clock(_only(text, _CLOCK), kind)
    return _opaque(text, kind)


def _clock(text: pa.Array, kind: pa.DataType) -> pa.Array:
    moments = pc.binary_join_element_wise(pa.scalar(_EPOCH, TEXT), text, pa.scalar("", TEXT))
    counts = _cast(moments, pa.timestamp(kind.unit)).cast(pa.int64())
    return counts.cast(pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind)


def _opaque(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """A union of nothing but JSON: what fits a union fits `json` columns."""
    if _may_be_unsaid(kind):
        text = pc.if_else(pc.match_substring_regex(text, _UNSAID), pa.scalar(None, TEXT), text)
    codes = pa.array(np.zeros(len(text), np.int8))
    return pa.UnionArray.from_sparse(codes, [_as_json(text)], ["json"])


def _may_be_unsaid(kind: pa.DataType) -> bool:
    """Whether values of the type, or parts of them, may be such that JSON cannot say them."""
    kind, types = bare_type(kind), pa.types
    if types.is_floating(kind) or (types.is_temporal(kind) and not types.is_duration(kind)):
        return not types.is_interval(kind)
    if isinstance(kind, pa.BaseExtensionType):
        return False
    return any(_may_be_unsaid(kind.field(number).type) for number in range(kind.num_fields))


def _documents(array: pa.Array) -> pa.Array:
    """Text that says it is JSON: where its copy is a string, it is what the string says."""
    text = array.cast(TEXT)
    quoted = pc.fill_null(pc.starts_with(text, '"'), False)
    if not pc.any(quoted).as_py():  # row objects allowed: one flag
        return _as_json(text)
    said = pl.Series(text.filter(quoted)).str.json_decode(pl.String).to_arrow().cast(TEXT)
    return _as_json(pc.replace_with_mask(text, quoted, said))


def _as_json(text: pa.Array) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.json_(TEXT), text)


def _uuids(array: pa.Array) -> pa.Array:
    digits = pl.Series(array.cast(TEXT)).str.replace_all("-", "", literal=True)
    found = digits.str.decode("hex", strict=False).to_arrow().cast(pa.large_binary())
    whole = pc.if_else(pc.equal(pc.binary_length(found), 16), found, pa.scalar(None, pa.large_binary()))
    return pa.ExtensionArray.from_storage(pa.uuid(), whole.cast(pa.binary()).cast(pa.binary(16)))


def _unquoted(text: pa.Array) -> pa.Array:
    return pc.utf8_trim(text, '"')


def _only(text: pa.Array, pattern: str) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(text, pattern), text, pa.scalar(None, TEXT))


def _cast(text: pa.Array, kind: pa.DataType) -> Any:
    """Texts as values of a type; null where one is none."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        if len(text) == 1:
            return pa.nulls(1, kind)
    middle = len(text) // 2
    return pa.concat_arrays([_cast(text[:middle], kind), _cast(text[middle:], kind)])

"""Text that is said to be JSON: whether it is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.column_types import Column, Json
from transforms.decode.kernel.codes import (
    ACCEPTED,
    DUPLICATE_KEY,
    MALFORMED,
    NOT_AN_OBJECT,
    NULL,
    PADDING,
    REFUSE_FIELD,
    UNKNOWN_FIELD,
    UNPARSABLE,
)
from transforms.decode.shape import shape_of
from transforms.decode.tokenized import Room, program_of, tokenized
from transforms.decode.typed.fitted import Fitted
from transforms.decode.typed.plain import TEXT
from transforms.decode.typed.text_tokens import MOST_BYTES

_SHAPE = shape_of([Column("v", Json())])
_PROGRAM = program_of(_SHAPE)
_NO_VALUE = (MALFORMED, DUPLICATE_KEY, NOT_AN_OBJECT, UNKNOWN_FIELD)


def json_values(texts: pa.Array, max_nesting: int) -> Fitted:
    """The texts as they are, without white space around, where each is one JSON value; JSON's null is null.

    Each is read as the only field of an object that may have no other: what ends that field or that object
    is refused with it. A line break, which would end a record, is read as the white space that is not.
    """
    marks = [pa.scalar(mark, TEXT) for mark in ('{"v":', "}\n", "")]
    texts = texts.cast(TEXT)
    lines = pc.replace_substring(pc.fill_null(texts, "null"), "\n", "\r")
    records = pc.binary_join_element_wise(marks[0], lines, *marks[1:])
    if len(records) == 0:
        return Fitted(records.cast(pa.string_view()))
    offsets = np.frombuffer(records.buffers()[1], np.int64)[records.offset :][: len(records) + 1]
    if offsets[-1] - offsets[0] > MOST_BYTES:
        return _in_halves(texts, max_nesting)
    used = np.frombuffer(records.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    data = np.concatenate([used, np.zeros(PADDING, np.uint8)])
    room = Room(elements=1, rescue=1)
    found, _ = tokenized(data, offsets - offsets[0], _SHAPE, _PROGRAM, room, REFUSE_FIELD, max_nesting)
    known = pa.array(found.tokens(1).tags > NULL)
    values = pc.if_else(known, pc.utf8_trim(texts, " \t\r\n"), pa.scalar(None, TEXT))
    verdicts = np.where(np.isin(found.verdicts, _NO_VALUE), np.uint8(UNPARSABLE), found.verdicts)
    return Fitted(values.cast(pa.string_view()), verdicts if verdicts.any() else None)


def _in_halves(texts: pa.Array, max_nesting: int) -> Fitted:
    if len(texts) == 1:
        return Fitted(pa.nulls(1, pa.string_view()), np.array([UNPARSABLE], np.uint8))
    middle = len(texts) // 2
    parts = [json_values(half, max_nesting) for half in (texts[:middle], texts[middle:])]
    verdicts = [
        np.full(len(part.array), ACCEPTED, np.uint8) if part.verdicts is None else part.verdicts
        for part in parts
    ]
    return Fitted(pa.concat_arrays([part.array for part in parts]), np.concatenate(verdicts))

"""Arrow text as tokens, so that the rules for text in JSON are those for text in typed files too."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from config.column_types import ColumnType
from transforms.decode.kernel.codes import MISSING, PADDING, UNPARSABLE
from transforms.decode.typed.fitted import Fitted, judged
from transforms.decode.typed.plain import TEXT, valid_slots
from transforms.decode.values import Tokens, values_of

MOST_BYTES = 2**31 - 2**20
"""What the 32-bit spans of tokens reach."""


def read_text(kind: ColumnType, array: pa.Array, tag: int, margin: int) -> Fitted:
    """The texts as values of a column type.

    Args:
        tag: What the texts are to be taken for.
        margin: Bytes around each text that belong to its token: 1 for strings, whose quotes do, else 0.
    """
    text = array.cast(TEXT)
    offsets = (
        np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1] if len(text) else None
    )
    if offsets is not None and offsets[-1] - offsets[0] > MOST_BYTES:
        return _in_halves(kind, text, tag, margin)
    values = values_of(kind, tokens_of(text, tag, margin))
    return Fitted(values.array, values.verdicts if values.refused else None)


def tokens_of(text: pa.Array, tag: int, margin: int) -> Tokens:
    """A token for each large string; none where it is null."""
    valid = valid_slots(text)
    tags = np.full(len(text), tag, np.uint8)
    if valid is not None:
        tags[~valid] = MISSING
    if len(text) == 0:
        return Tokens(np.zeros(PADDING, np.uint8), tags, *(np.empty(0, np.int32) for _ in range(2)))
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    used = np.frombuffer(text.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    data = np.concatenate([np.zeros(margin, np.uint8), used, np.zeros(PADDING, np.uint8)])
    spans = (offsets - offsets[0]).astype(np.int32)
    return Tokens(data, tags, spans[:-1], spans[1:] + np.int32(2 * margin))


def _in_halves(kind: ColumnType, text: pa.Array, tag: int, margin: int) -> Fitted:
    if len(text) == 1:
        empty = read_text(kind, pa.nulls(1, TEXT), tag, margin)
        return Fitted(empty.array, judged(text, (np.ones(1, np.bool_), UNPARSABLE)))
    middle = len(text) // 2
    parts = [read_text(kind, half, tag, margin) for half in (text[:middle], text[middle:])]
    verdicts = [
        np.zeros(len(part.array), np.uint8) if part.verdicts is None else part.verdicts for part in parts
    ]
    return Fitted(pa.concat_arrays([part.array for part in parts]), np.concatenate(verdicts))

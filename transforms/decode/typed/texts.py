"""Arrow text and bytes into the columns for them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from config.column_types import Binary, Dictionary, String
from transforms.decode.arrow import arrow_type
from transforms.decode.typed.fitted import Fitted, mismatched
from transforms.decode.typed.plain import (
    BYTES,
    TEXT,
    UUID,
    is_bytes,
    is_extension,
    is_text,
    plain,
    unencoded,
    valid_slots,
)

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES = (8, 13, 18, 23)
_UUID_LENGTH = 36


def strings(kind: String, array: pa.Array) -> Fitted:
    """Text, and the canonical text of UUIDs."""
    array = unencoded(array)
    if is_extension(array.type, UUID):
        return Fitted(uuid_text(array).cast(arrow_type(kind)))
    array = plain(array)
    return Fitted(array.cast(arrow_type(kind))) if is_text(array.type) else mismatched(kind, array)


def dictionaries(kind: Dictionary, array: pa.Array) -> Fitted:
    """Text, each distinct one kept once; codes that are there already are kept."""
    if pa.types.is_dictionary(array.type) and _is_usable(array.dictionary):
        return Fitted(pa.DictionaryArray.from_arrays(array.indices.cast(pa.int32()), _flat(array.dictionary)))
    texts = strings(String(), array)
    if texts.verdicts is not None:
        return mismatched(kind, plain(array))
    return Fitted(_flat(texts.array).dictionary_encode().cast(arrow_type(kind)))


def binaries(kind: Binary, array: pa.Array) -> Fitted:
    """Bytes."""
    array = plain(array)
    if not is_bytes(array.type):
        return mismatched(kind, array)
    return Fitted(
        array.cast(BYTES).cast(arrow_type(kind)) if _is_fixed(array) else array.cast(arrow_type(kind))
    )


def uuid_text(array: pa.Array) -> pa.Array:
    """UUIDs as large strings: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`."""
    stored = array.storage
    data = np.frombuffer(stored.buffers()[1] or b"", np.uint8).reshape(-1, 16)
    letters = _letters(data[stored.offset : stored.offset + len(stored)])
    offsets = np.arange(len(stored) + 1, dtype=np.int64) * _UUID_LENGTH
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(letters)]
    text = pa.Array.from_buffers(TEXT, len(stored), buffers)
    valid = valid_slots(stored)
    return text if valid is None else pc.if_else(pa.array(valid), text, pa.scalar(None, TEXT))


def _letters(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    digits = np.stack([_HEX[data >> 4], _HEX[data & 15]], axis=-1).reshape(len(data), 32)
    letters = np.full((len(data), _UUID_LENGTH), ord("-"), np.uint8)
    letters[:, np.delete(np.arange(_UUID_LENGTH), _DASHES)] = digits
    return letters


def _is_usable(words: pa.Array) -> bool:
    """Whether a dictionary is of text that is all there, each once."""
    return is_text(words.type) and words.null_count == 0 and len(pc.unique(_flat(words))) == len(words)


def _flat(array: pa.Array) -> pa.Array:
    return array.cast(TEXT)


def _is_fixed(array: pa.Array) -> bool:
    return bool(pa.types.is_fixed_size_binary(array.type))

"""The Arrow schema of a file as text, which the quarantine keeps beside the copies of its rows."""

from __future__ import annotations

import base64
import binascii
import lzma

import pyarrow as pa

_MARK = "\nArrow schema: "
"""A header of CSV does not begin with a line break: an empty line is none."""


def schema_text(schema: pa.Schema) -> str:
    """The schema without the metadata that its writer left, as text that is no header of CSV."""
    bare = pa.schema([field.remove_metadata() for field in schema])
    return _MARK + base64.b64encode(lzma.compress(bare.serialize().to_pybytes())).decode()


def schema_in(text: str | None) -> pa.Schema | None:
    """The schema in a text that `schema_text` made; None of any other."""
    if text is None or not text.startswith(_MARK):
        return None
    try:
        data = lzma.decompress(base64.b64decode(text.removeprefix(_MARK), validate=True))
        return pa.ipc.read_schema(pa.py_buffer(data))
    except (binascii.Error, lzma.LZMAError, pa.ArrowInvalid):
        return None

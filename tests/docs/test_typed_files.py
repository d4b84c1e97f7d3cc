"""The table of Avro types is what the reader does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from storage.reading.typed.avro import read
from tests.storage.typed.avro_files import COMPRESS, container, record

DOCUMENT = (Path(__file__).parents[2] / "docs" / "typed-files.md").read_text()
ROWS = re.findall(r"^\| `([\[{\"].*)` \| `(.*)` \|$", DOCUMENT, re.MULTILINE)
ZEROS = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
"""How many bytes the least value of a type has, all of them zero."""


@pytest.mark.parametrize(("schema", "expected"), ROWS)
def test_document_says_which_type_a_column_gets(schema: str, expected: str) -> None:
    kind = json.loads(schema)

    [batch] = read(pa.py_buffer(container(record(a=kind), [(1, bytes(zero_bytes(kind)))])), 1000)

    assert str(batch.schema.field("a").type) == expected


def test_document_names_all_codecs() -> None:
    assert all(f"`{codec}`" in DOCUMENT for codec in COMPRESS)


def zero_bytes(kind: Any) -> int:
    """The length of the least value."""
    if isinstance(kind, list):
        return 1 + zero_bytes(kind[0])
    if isinstance(kind, str):
        return ZEROS[kind]
    if kind["type"] == "record":
        return sum(zero_bytes(field["type"]) for field in kind["fields"])
    return kind["size"] if kind["type"] == "fixed" else ZEROS.get(kind["type"], 1)

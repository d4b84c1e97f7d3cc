"""CSV as Python writes it, and what becomes of it under a contract."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from config.pipeline import Pipeline
from config.text_form import TextForm
from tests.transforms.decoding import a_pipeline, padded
from transforms.conform import Chunk, Conformer


def written(rows: Sequence[Sequence[Any]], **options: Any) -> bytes:
    """As Python's writer has it."""
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def conform_csv(
    pipeline: Pipeline, text: bytes, header: bytes | None, *, delimiter: str = ",", quote: str = '"'
) -> Chunk:
    """The records of a text without its header, as one block with one part."""
    form = TextForm("csv", delimiter, quote, header)
    conformer = Conformer(pipeline, max_nesting=64, positions=False)
    (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64), form).chunks
    return chunk


def cell(kind: Any, text: bytes, **options: Any) -> Any:
    """One cell under a column type, beside another; a refused one gives its reason as text in brackets."""
    pipeline = a_pipeline({"value": kind, "n": "int64"}, **options)
    chunk = conform_csv(pipeline, text + b",1\n", b"value,n")
    if chunk.rejected.height:
        return f"<{chunk.rejected['reason'][0]}>"
    return chunk.accepted["value"].to_list()[0]

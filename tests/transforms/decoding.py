"""Decodes lines in one call, as tests want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from config.pipeline import Pipeline
from transforms.conform import Chunk, Conformer
from transforms.decode.kernel.codes import PADDING


def a_pipeline(columns: Mapping[str, Any], **options: Any) -> Pipeline:
    """A pipeline with these contract columns; options of source, contract, and the pipeline itself."""
    contract: dict[str, Any] = {
        "columns": columns,
        **{k: options.pop(k) for k in ("on_mismatch", "on_new_column") if k in options},
    }
    table = {"uri": "table", **options.pop("table", {})}
    source = {"uri": "landing", **options.pop("source", {})}
    return Pipeline(name="test", source=source, contract=contract, table=table, **options)


def padded(text: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(text + bytes(PADDING), np.uint8)


def conform(
    pipeline: Pipeline, lines: Sequence[bytes], *, max_nesting: int = 64, positions: bool = False
) -> Chunk:
    """The lines as one block with one part."""
    text = b"".join(line + b"\n" for line in lines)
    conformer = Conformer(pipeline, max_nesting=max_nesting, positions=positions)
    (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks
    return chunk


def rows(columns: Mapping[str, Any], *lines: bytes, **options: Any) -> list[dict[str, Any]]:
    """What is accepted of the lines, as Python values."""
    return conform(a_pipeline(columns, **options), lines).accepted.to_dicts()


def reasons(columns: Mapping[str, Any], *lines: bytes, **options: Any) -> list[tuple[str, str | None]]:
    """Why lines are refused, and the column that it is about, in order of the lines."""
    rejected = conform(a_pipeline(columns, **options), lines).rejected.sort("offset")
    return list(zip(rejected["reason"], rejected["column"], strict=True))


def decoded(kind: Any, value: bytes) -> Any:
    """One value under a column type; a refused one gives its reason as text in brackets."""
    chunk = conform(a_pipeline({"value": kind}), [b'{"value":' + value + b"}"])
    if chunk.rejected.height:
        return f"<{chunk.rejected['reason'][0]}>"
    return chunk.accepted["value"].to_list()[0]


def frame_of(columns: Mapping[str, Any], *lines: bytes, **options: Any) -> pl.DataFrame:
    """What is accepted of the lines."""
    return conform(a_pipeline(columns, **options), lines).accepted

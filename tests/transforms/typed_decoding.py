"""Decodes Arrow arrays in one call, as tests want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from config.pipeline import Contract
from transforms.decode.decoder import Decoded
from transforms.decode.kernel.codes import REASONS
from transforms.decode.shape import shape_of
from transforms.decode.typed.copies import copies
from transforms.decode.typed.decoder import TypedDecoder


def a_contract(columns: Mapping[str, Any], **options: Any) -> Contract:
    """A contract over these columns."""
    return Contract.model_validate({"columns": columns, **options})


def decode(
    columns: Mapping[str, Any], arrays: Mapping[str, pa.Array], *, max_nesting: int = 64, **options: Any
) -> Decoded:
    """The arrays as one batch; what comes out is valid Arrow in the contract's types."""
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    decoded = TypedDecoder(a_contract(columns, **options), max_nesting).decode(batch)
    decoded.columns.validate(full=True)
    decoded.rescued.validate(full=True)
    assert len(decoded.columns) == len(decoded.verdicts) == len(decoded.rescued) == batch.num_rows
    return decoded


def values(kind: Any, array: pa.Array) -> list[Any]:
    """One column under a column type; refused values give the reason as text in brackets."""
    decoded = decode({"value": kind}, {"value": array})
    kept = decoded.columns.field("value").to_pylist()
    return [
        f"<{REASONS[verdict]}>" if verdict else value
        for value, verdict in zip(kept, decoded.verdicts, strict=True)
    ]


def value(kind: Any, of: Any, arrow: pa.DataType) -> Any:
    """One value of an Arrow type under a column type; between others, in a slice, so that offsets count."""
    array = pa.array([None, of, of, None], arrow)[1:3]
    first, second = values(kind, array)
    assert repr(first) == repr(second)
    return first


def reasons(
    columns: Mapping[str, Any], arrays: Mapping[str, pa.Array], **options: Any
) -> list[tuple[str, str] | None]:
    """Why each row is refused, and the path that it is about; None where it is accepted."""
    decoded = decode(columns, arrays, **options)
    shape = shape_of(a_contract(columns).columns)
    return [
        (REASONS[verdict], shape.path(node)) if verdict else None
        for verdict, node in zip(decoded.verdicts, decoded.nodes, strict=True)
    ]


def texts(arrays: Mapping[str, pa.Array]) -> list[str]:
    """The copies of all rows."""
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))
    return [copy.decode() for copy in copies(batch, np.arange(batch.num_rows)).to_pylist()]

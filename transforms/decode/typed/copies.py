"""Copies of rows as JSON, for the quarantine."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.decode.typed.json_text import object_text
from transforms.decode.typed.plain import BYTES


def copies(batch: pa.RecordBatch, rows: NDArray[np.int64]) -> pa.Array:
    """Some rows of `batch`, each as one JSON object on one line; large_binary. Null columns are left out."""
    return object_text(batch.schema.names, batch.columns, rows).cast(BYTES)

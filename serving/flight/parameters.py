"""The parameters of a prepared statement, as a client sends them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from serving.security.turns import check_size


def read_parameters(reader: Any, most_bytes: int) -> Any:
    """One `pyarrow.RecordBatch` of all that comes; None where nothing does.

    Args:
        reader: A `MetadataRecordBatchReader`.
        most_bytes: As they come, of Arrow.

    Raises:
        LimitError: There is more.
    """
    batches, size = [], 0
    while True:
        try:
            batch = reader.read_chunk().data
        except StopIteration:
            break
        size += batch.nbytes
        check_size("parameter_bytes", size, most_bytes)
        batches.append(batch)
    found = pa.Table.from_batches(batches, reader.schema).combine_chunks().to_batches()
    return found[0] if found else None

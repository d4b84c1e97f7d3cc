"""The parameters of a prepared statement, as a client sends them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from serving.errors import ProtocolError
from serving.security.turns import check_size


def read_parameters(reader: Any, most_bytes: int) -> Any:
    """One `pyarrow.RecordBatch` of all that comes; None where nothing does.

    Args:
        reader: A `MetadataRecordBatchReader`.
        most_bytes: As they come, of Arrow.

    Raises:
        LimitError: There is more.
        ProtocolError: It is no Arrow.
    """
    batches, size = [], 0
    try:
        while (batch := _next(reader)) is not None:
            size += batch.get_total_buffer_size()
            check_size("parameter_bytes", size, most_bytes)
            batch.validate(full=True)  # that offsets and the like lead to what is there: nothing else checks
            batches.append(batch)
        found = pa.Table.from_batches(batches, reader.schema).combine_chunks().to_batches()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # names too may be none
        raise ProtocolError("parameters that are no Arrow", got=error) from error
    return found[0] if found else None


def _next(reader: Any) -> Any:
    try:
        return reader.read_chunk().data
    except StopIteration:
        return None

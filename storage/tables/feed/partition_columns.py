"""The values of partition columns, which the log has as text, and data files have not.

Source: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#partition-value-serialization
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import TableError


def partition_arrays(
    schema: pa.Schema, names: Sequence[str], values: Mapping[str, str | None], rows: int, *, where: str
) -> dict[str, pa.Array]:
    """Each partition column with its one value `rows` times, in the type that `schema` has for it.

    Raises:
        TableError: The log has other columns, or text that is no value of the type; see `where`.
    """
    if set(values) != set(names):
        raise _unreadable(where, f"values of {sorted(values)}", f"values of {sorted(names)}")
    found = {}
    for name in names:
        kind = schema.field(name).type
        try:
            found[name] = pa.repeat(_value(values[name], kind), rows)
        except pa.ArrowException as error:
            raise _unreadable(where, f"{values[name]!r} in {name}", f"a value of {kind}") from error
    return found


def _value(text: str | None, kind: Any) -> pa.Scalar:
    if not text:
        return pa.scalar(None, kind)  # the empty text is null, by the protocol
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.scalar(text.encode("latin-1"), kind)
    if pa.types.is_timestamp(kind) and kind.tz is not None and not text.endswith("Z"):
        moment = pc.cast(pa.scalar(text), pa.timestamp(kind.unit))
        return pc.assume_timezone(moment, "UTC").cast(kind)
    return pc.cast(pa.scalar(text), kind)


def _unreadable(where: str, got: str, expected: str) -> TableError:
    return TableError(
        "the log of the source has partition values that cannot be understood",
        where=where,
        got=got,
        expected=expected,
        next_step="correct the commit, or write the partition again",
    )

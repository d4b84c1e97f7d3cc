"""What the kernel has put into memory, as Arrow columns of the types that the schema declares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.reading.typed.avro.decimals import decimals
from storage.reading.typed.avro.program import MAP_KEY, Slot
from storage.reading.typed.avro.schema import Node

_PRIMITIVES = {
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
# A logical type that is not here, or stands at another type, is to be ignored: the value is as it is.
_LOGICAL: dict[tuple[str, str | None], pa.DataType] = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    ("long", "timestamp-millis"): pa.timestamp("ms", "UTC"),
    ("long", "timestamp-micros"): pa.timestamp("us", "UTC"),
    ("long", "timestamp-nanos"): pa.timestamp("ns", "UTC"),
    ("long", "local-timestamp-millis"): pa.timestamp("ms"),
    ("long", "local-timestamp-micros"): pa.timestamp("us"),
    ("long", "local-timestamp-nanos"): pa.timestamp("ns"),
}
_UUID_BYTES = 16


class Columns:
    """Makes the columns of one batch; visits the slots in the order in which the program was made.

    Args:
        memory: As `places` says.
        counts: What the kernel has counted while it filled the memory.
    """

    def __init__(
        self,
        slots: list[Slot],
        memory: NDArray[np.uint8],
        counts: NDArray[np.int64],
        places: NDArray[np.int64],
    ) -> None:
        self._slots = iter(
            zip(slots, counts.tolist(), places.tolist(), strict=True)
        )  # row objects allowed: slots
        self._memory = pa.py_buffer(memory)

    def batch(self, row: Node, rows: int) -> pa.RecordBatch:
        """The fields of `row`."""
        columns = [self._array(child, rows) for child in row.children]
        fields = [pa.field(label, one.type) for label, one in zip(row.labels, columns, strict=True)]
        if not columns:
            return pa.RecordBatch.from_struct_array(_struct(columns, fields, rows))
        return pa.record_batch(columns, schema=pa.schema(fields))

    def _array(self, node: Node, length: int) -> Any:
        if node.kind == "null":
            return pa.nulls(length)
        if node.kind == "record":
            children = [self._array(child, length) for child in node.children]
            fields = [pa.field(label, one.type) for label, one in zip(node.labels, children, strict=True)]
            return _struct(children, fields, length)
        if node.kind == "union":
            return self._union(node, length)
        if node.kind in ("array", "map"):
            return self._list(node, length)
        return self._leaf(node, length)

    def _leaf(self, node: Node, length: int) -> Any:
        values, tail, _ = self._buffers(length)
        buffers = [None, values] if tail is None else [None, values, tail]
        if node.kind == "boolean":
            return pa.Array.from_buffers(pa.uint8(), length, buffers).cast(pa.bool_())
        if node.kind == "enum":
            indices = pa.Array.from_buffers(pa.int32(), length, buffers)
            return pa.DictionaryArray.from_arrays(indices, pa.array(node.labels, pa.string()))
        if node.logical == "decimal":
            return decimals(node, length, values, tail)
        kind = pa.binary(node.size) if node.kind == "fixed" else _PRIMITIVES[node.kind]
        found = pa.Array.from_buffers(_LOGICAL.get((node.kind, node.logical), kind), length, buffers)
        if node.logical == "uuid" and node.size == _UUID_BYTES:
            return pa.ExtensionArray.from_storage(pa.uuid(), found)
        return found

    def _list(self, node: Node, length: int) -> Any:
        offsets, _, items = self._buffers(length)
        if node.kind == "map":
            keys, values = self._array(MAP_KEY, items), self._array(node.children[0], items)
            fields = [pa.field("key", keys.type, nullable=False), pa.field("value", values.type)]
            entries = _struct([keys, values], fields, items)
            return pa.Array.from_buffers(pa.map_(*fields), length, [None, offsets], children=[entries])
        values = self._array(node.children[0], items)
        return pa.Array.from_buffers(pa.list_(values.type), length, [None, offsets], children=[values])

    def _union(self, node: Node, length: int) -> Any:
        """A null where that is the only other branch; else Arrow's dense union."""
        values, _, _ = self._buffers(length)
        branches = np.frombuffer(values, np.int8, length)
        chosen = [branches == number for number in range(len(node.children))]
        children = [
            self._array(child, int(mask.sum())) for child, mask in zip(node.children, chosen, strict=True)
        ]
        kinds = [child.kind for child in node.children]
        if len(kinds) == 1:
            return children[0]
        if len(kinds) == 2 and kinds.count("null") == 1:
            number = 1 - kinds.index("null")
            return _spread(children[number], chosen[number])
        offsets = np.zeros(length, np.int32)
        for mask in chosen:
            offsets[mask] = np.arange(mask.sum())
        names = [child.name for child in node.children]
        return pa.UnionArray.from_dense(pa.array(branches), pa.array(offsets), children, names)

    def _buffers(self, length: int) -> tuple[Any, Any, int]:
        """Of the next slot: the values or offsets, the bytes or None, and how many bytes or items."""
        slot, (_, more), (place, bytes_place) = next(self._slots)
        size = (length + slot.has_offsets) * slot.item_bytes
        tail = self._memory.slice(bytes_place, more) if slot.has_bytes else None
        return self._memory.slice(place, size), tail, more


def _spread(values: Any, valid: NDArray[np.bool_]) -> Any:
    """One value for each true, null for each false."""
    if valid.all():
        return values
    return values.take(pa.array(np.cumsum(valid) - 1, mask=~valid))


def _struct(children: list[Any], fields: list[Any], length: int) -> Any:
    return pa.Array.from_buffers(pa.struct(fields), length, [None], children=children)

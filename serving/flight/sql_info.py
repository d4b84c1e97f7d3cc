"""GetSqlInfo: facts as the protocol lays them out, a union of six kinds of values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import pyarrow as pa

from serving.flight.sql_facts import Bits, Fact, facts
from serving.protocol.sql_info_pb2 import SqlInfo
from serving.security.limits import Limits

# By kind of value: the name and the type of the union's child. The order is the protocol's, that of the
# classes here is one in which each value is of the first that fits it.
_CHILDREN: Final = (
    pa.field("string_value", pa.utf8()),
    pa.field("bool_value", pa.bool_()),
    pa.field("bigint_value", pa.int64()),
    pa.field("int32_bitmask", pa.int32()),
    pa.field("string_list", pa.list_(pa.utf8())),
    pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
)
_CLASSES: Final = {str: 0, bool: 1, Bits: 3, int: 2, list: 4, dict: 5}
SQL_INFO: Final = pa.schema(
    [
        pa.field("info_name", pa.uint32(), nullable=False),
        pa.field("value", pa.dense_union(_CHILDREN), nullable=False),
    ]
)


def sql_info(asked: Collection[int], limits: Limits) -> Any:
    """The facts that are asked for, all of them where none is; unknown numbers are left out."""
    numbered = {SqlInfo.Value(name): value for name, value in facts(limits).items()}
    wanted = {number: numbered[number] for number in sorted(numbered) if not asked or number in asked}
    kinds = [_kind(value) for value in wanted.values()]
    offsets = [kinds[:row].count(kind) for row, kind in enumerate(kinds)]
    values = pa.UnionArray.from_dense(
        pa.array(kinds, pa.int8()),
        pa.array(offsets, pa.int32()),
        [_child(wanted.values(), kind, child.type) for kind, child in enumerate(_CHILDREN)],
        [child.name for child in _CHILDREN],
    )
    return pa.table([pa.array(wanted, pa.uint32()), values], schema=SQL_INFO)


def _kind(value: Fact) -> int:
    return next(kind for of, kind in _CLASSES.items() if isinstance(value, of))


def _child(values: Collection[Fact], kind: int, of: Any) -> Any:
    own = [value for value in values if _kind(value) == kind]
    return pa.array([list(one.items()) if isinstance(one, dict) else one for one in own], of)

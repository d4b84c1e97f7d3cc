"""What the server says of itself: GetSqlInfo."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import pyarrow as pa

# A dense union of six kinds of values, as the protocol has it.
_KINDS: Final = (
    pa.utf8(),
    pa.bool_(),
    pa.int64(),
    pa.int32(),
    pa.list_(pa.utf8()),
    pa.map_(pa.int32(), pa.list_(pa.int32())),
)
_NAMES: Final = (
    "string_value",
    "bool_value",
    "bigint_value",
    "int32_bitmask",
    "string_list",
    "int32_to_int32_list_map",
)
_VALUE: Final = pa.dense_union([pa.field(name, kind) for name, kind in zip(_NAMES, _KINDS, strict=True)])
SQL_INFO: Final = pa.schema(
    [pa.field("info_name", pa.uint32(), nullable=False), pa.field("value", _VALUE, nullable=False)]
)
_TEXT, _FLAG, _NUMBER, _BITS, _TEXTS, _MAP = range(6)

# Number of the fact, kind of its value, value.
_FACTS: Final[tuple[tuple[int, int, Any], ...]] = (
    (0, _TEXT, "Penstock"),
    (1, _TEXT, "0.1.0"),
    (2, _TEXT, pa.__version__),
    (3, _FLAG, True),  # read only
    (4, _FLAG, True),  # SQL
    (5, _FLAG, False),  # no Substrait
    (8, _BITS, 0),  # no transactions
    (9, _FLAG, True),  # queries can be cancelled
    (10, _FLAG, False),  # no ingestion by table; see push
    (503, _BITS, 3),  # identifiers are folded to lower case
    (504, _TEXT, '"'),
    (505, _BITS, 0),  # and left alone within quotes
    (506, _FLAG, True),
    (507, _BITS, 0),  # nulls sort high
    (508, _TEXTS, []),
    (512, _TEXT, "\\"),
)


def sql_info(asked: Collection[int]) -> Any:
    """The facts that are asked for, all of them where none is; unknown numbers are left out."""
    facts = [one for one in _FACTS if not asked or one[0] in asked]
    children = [[value for _, of, value in facts if of == kind] for kind in range(len(_KINDS))]
    offsets = [sum(before == kind for _, before, _ in facts[:row]) for row, (_, kind, _) in enumerate(facts)]
    values = pa.UnionArray.from_dense(
        pa.array([kind for _, kind, _ in facts], pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(child, kind) for child, kind in zip(children, _KINDS, strict=True)],
        list(_NAMES),
    )
    return pa.table([pa.array([number for number, _, _ in facts], pa.uint32()), values], schema=SQL_INFO)

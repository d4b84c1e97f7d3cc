"""The types of columns as SQL, JDBC and ODBC know them: GetXdbcTypeInfo, and what GetTables says of a column.

Numbers are the protocol's `XdbcDataType`, sizes are as JDBC counts them: digits of numbers, characters of
text and of what is written as text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from serving.protocol import flight_sql_pb2 as messages

_TEXT: Final = pa.utf8()
_INT: Final = pa.int32()
_BOOL: Final = pa.bool_()
XDBC_TYPES: Final = pa.schema(
    [
        pa.field("type_name", _TEXT, nullable=False),
        pa.field("data_type", _INT, nullable=False),
        pa.field("column_size", _INT),
        pa.field("literal_prefix", _TEXT),
        pa.field("literal_suffix", _TEXT),
        pa.field("create_params", pa.list_(pa.field("item", _TEXT, nullable=False))),
        pa.field("nullable", _INT, nullable=False),
        pa.field("case_sensitive", _BOOL, nullable=False),
        pa.field("searchable", _INT, nullable=False),
        pa.field("unsigned_attribute", _BOOL),
        pa.field("fixed_prec_scale", _BOOL, nullable=False),
        pa.field("auto_increment", _BOOL),
        pa.field("local_type_name", _TEXT),
        pa.field("minimum_scale", _INT),
        pa.field("maximum_scale", _INT),
        pa.field("sql_data_type", _INT, nullable=False),
        pa.field("datetime_subcode", _INT),
        pa.field("num_prec_radix", _INT),
        pa.field("interval_precision", _INT),
    ]
)
_NULLABLE: Final = 1
_SEARCHABLE, _SEARCHABLE_BUT_LIKE, _NOT_SEARCHABLE = 3, 2, 0
_DATETIME: Final = 9


@dataclass(frozen=True)
class SqlType:
    """A type.

    Attributes:
        name: As statements have it, but of nested types.
        xdbc: Its number.
        size: Its digits or characters; None where there is no bound.
        quotes: What stands before and after a literal; none where a literal is as it is.
        scale: The digits after the point that values may have, at least and at most; None where it has none.
        subcode: Which of the types of date and time it is.
        radix: What `size` counts: 10 for decimal digits, 2 for bits; None where it is no number.
    """

    name: str
    xdbc: int
    size: int | None = None
    quotes: tuple[str, str] | None = None
    scale: tuple[int, int] | None = None
    subcode: int | None = None
    radix: int | None = None

    @property
    def is_nested(self) -> bool:
        """Whether values have parts."""
        return self.xdbc == 0


_BIT: Final = SqlType("BOOLEAN", -7, 1)
_INTEGERS: Final = {
    8: SqlType("TINYINT", -6, 3, scale=(0, 0), radix=10),
    16: SqlType("SMALLINT", 5, 5, scale=(0, 0), radix=10),
    32: SqlType("INTEGER", 4, 10, scale=(0, 0), radix=10),
    64: SqlType("BIGINT", -5, 19, scale=(0, 0), radix=10),
}
_REAL: Final = SqlType("REAL", 7, 24, radix=2)
_DOUBLE: Final = SqlType("DOUBLE", 8, 53, radix=2)
_DECIMAL: Final = SqlType("DECIMAL", 3, 38, scale=(0, 38), radix=10)
_VARCHAR: Final = SqlType("VARCHAR", 12, quotes=("'", "'"))
_VARBINARY: Final = SqlType("VARBINARY", -3, quotes=("x'", "'"))
_DATE: Final = SqlType("DATE", 91, 10, ("DATE '", "'"), subcode=1)
_TIME: Final = SqlType("TIME", 92, 15, ("TIME '", "'"), (0, 6), subcode=2)
_TIMESTAMP: Final = SqlType("TIMESTAMP", 93, 26, ("TIMESTAMP '", "'"), (0, 6), subcode=3)
_MOMENT: Final = SqlType("TIMESTAMP WITH TIME ZONE", 93, 32, ("TIMESTAMP '", "'"), (0, 6), subcode=5)
_NESTED: Final = tuple(SqlType(name, 0) for name in ("LIST", "MAP", "STRUCT"))
_LIST, _MAP, _STRUCT = _NESTED
_TYPES: Final = (
    *_INTEGERS.values(), _BIT, _REAL, _DOUBLE, _DECIMAL, _VARCHAR, _VARBINARY, _DATE, _TIMESTAMP, _MOMENT,
    *_NESTED,
)  # fmt: skip
"""Those that columns of tables can have; times of the day are only of answers."""


def sql_type(kind: Any) -> SqlType:
    """The type of values of a `pyarrow.DataType`; of one that no table has, text."""
    tests = (
        (pa.types.is_boolean, _BIT), (pa.types.is_float64, _DOUBLE), (pa.types.is_floating, _REAL),
        (pa.types.is_decimal, _DECIMAL), (pa.types.is_date, _DATE), (pa.types.is_time, _TIME),
        (pa.types.is_struct, _STRUCT), (pa.types.is_map, _MAP), (_is_binary, _VARBINARY), (_is_list, _LIST),
    )  # fmt: skip
    if pa.types.is_integer(kind):
        return _INTEGERS[kind.bit_width]
    if pa.types.is_timestamp(kind):
        return _TIMESTAMP if kind.tz is None else _MOMENT
    return next((found for fits, found in tests if fits(kind)), _VARCHAR)


def xdbc_types(command: messages.CommandGetXdbcTypeInfo) -> Any:
    """The types, or those of one number, by number and then by name."""
    asked = [one for one in _TYPES if not command.HasField("data_type") or one.xdbc == command.data_type]
    rows = [_row(one) for one in sorted(asked, key=lambda one: (one.xdbc, one.name))]
    return pa.Table.from_pylist(rows, schema=XDBC_TYPES)


def _row(one: SqlType) -> dict[str, object]:
    prefix, suffix = one.quotes or (None, None)
    least, most = one.scale or (None, None)
    searchable = _SEARCHABLE if one is _VARCHAR else _SEARCHABLE_BUT_LIKE
    return {
        "type_name": one.name,
        "data_type": one.xdbc,
        "column_size": one.size,
        "literal_prefix": prefix,
        "literal_suffix": suffix,
        "create_params": ["precision", "scale"] if one is _DECIMAL else None,
        "nullable": _NULLABLE,
        "case_sensitive": one is _VARCHAR,
        "searchable": _NOT_SEARCHABLE if one.is_nested else searchable,
        "unsigned_attribute": None if one.radix is None else False,
        "fixed_prec_scale": False,
        "auto_increment": None if one.radix is None else False,
        "local_type_name": None,
        "minimum_scale": least,
        "maximum_scale": most,
        "sql_data_type": one.xdbc if one.subcode is None else _DATETIME,
        "datetime_subcode": one.subcode,
        "num_prec_radix": one.radix,
        "interval_precision": None,
    }


def _is_binary(kind: Any) -> bool:
    of = pa.types
    return any(
        fits(kind) for fits in (of.is_binary, of.is_large_binary, of.is_binary_view, of.is_fixed_size_binary)
    )


def _is_list(kind: Any) -> bool:
    of = pa.types
    tests = (of.is_list, of.is_large_list, of.is_fixed_size_list, of.is_list_view)
    return any(fits(kind) for fits in tests)

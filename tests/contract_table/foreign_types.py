"""The column types of a contract as other engines name them."""

from __future__ import annotations

import pyarrow as pa

from config import column_types as kinds
from config.column_types import ColumnType


def arrow_type(kind: ColumnType) -> pa.DataType:
    """In Arrow; Polars is given the same."""
    match kind:
        case kinds.Integer():
            return pa.type_for_alias(f"{'' if kind.signed else 'u'}int{kind.bits}")
        case kinds.Float():
            return pa.type_for_alias(f"float{kind.bits}")
        case kinds.Decimal():
            return pa.decimal128(kind.precision, kind.scale)
        case kinds.Timestamp():
            return pa.timestamp(kind.unit, kind.zone)
        case kinds.Struct():
            return pa.struct([(one.name, arrow_type(one.type)) for one in kind.fields])
        case kinds.List():
            return pa.list_(arrow_type(kind.element.type))
        case kinds.Boolean():
            return pa.bool_()
        case kinds.Binary():
            return pa.binary()
        case kinds.Date():
            return pa.date32()
        case kinds.Time():
            return pa.time64("us")
        case kinds.Dictionary():
            return pa.dictionary(pa.int32(), pa.string())
        case kinds.String() | kinds.Json():
            return pa.string()


def duckdb_type(kind: ColumnType) -> str:
    """In SQL of DuckDB."""
    match kind:
        case kinds.Integer():
            name = {8: "tinyint", 16: "smallint", 32: "integer", 64: "bigint"}[kind.bits]
            return name if kind.signed else f"u{name}"
        case kinds.Float():
            return "float" if kind.bits == 32 else "double"
        case kinds.Decimal():
            return f"decimal({kind.precision}, {kind.scale})"
        case kinds.Timestamp():
            return "timestamptz" if kind.zone else "timestamp"
        case kinds.Struct():
            return f"struct({', '.join(f'{one.name} {duckdb_type(one.type)}' for one in kind.fields)})"
        case kinds.List():
            return f"{duckdb_type(kind.element.type)}[]"
        case kinds.Boolean():
            return "boolean"
        case kinds.Binary():
            return "blob"
        case kinds.Date():
            return "date"
        case kinds.Time():
            return "time"
        case kinds.Json():
            return "json"
        case kinds.Dictionary() | kinds.String():
            return "varchar"


def spark_type(kind: ColumnType) -> str:
    """In a schema of Spark, which has no unsigned integers."""
    match kind:
        case kinds.Integer():
            wider = {8: "smallint", 16: "int", 32: "bigint", 64: "decimal(20,0)"}
            return ({8: "tinyint", 16: "smallint", 32: "int", 64: "bigint"} if kind.signed else wider)[
                kind.bits
            ]
        case kinds.Float():
            return "float" if kind.bits == 32 else "double"
        case kinds.Decimal():
            return f"decimal({kind.precision},{kind.scale})"
        case kinds.Timestamp():
            return "timestamp" if kind.zone else "timestamp_ntz"
        case kinds.Struct():
            return f"struct<{','.join(f'{one.name}:{spark_type(one.type)}' for one in kind.fields)}>"
        case kinds.List():
            return f"array<{spark_type(kind.element.type)}>"
        case kinds.Boolean():
            return "boolean"
        case kinds.Binary():
            return "binary"
        case kinds.Date():
            return "date"
        case kinds.Time():
            return "time"
        case kinds.Json() | kinds.Dictionary() | kinds.String():
            return "string"

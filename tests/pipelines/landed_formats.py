"""Files of every format, written from Python values of the contract's types; and the strategies for both.

A record is a dict of plain values: int, float, Decimal, str, bool, date, time, datetime, bytes, list, dict,
None, and `JsonText`, which is JSON and no string. What writes the files shares nothing with what reads them.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from hypothesis import strategies as st

from tests.storage.typed.arrow_as_avro import avro_file

Record = Mapping[str, Any]
Values = st.SearchStrategy[Any]


class JsonText(str):
    """The text of a JSON value, for a column of type json."""


INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@dataclass(frozen=True)
class Kind:
    """A column type as contracts name it, any value of it, and the Arrow type that holds it without loss."""

    spec: Any
    values: Values
    arrow: pa.DataType | None


def _integers(name: str) -> Values:
    limits = np.iinfo(name)
    low, high = int(limits.min), int(limits.max)
    return st.integers(low, high) | st.sampled_from([low, low + 1, 0, high - 1, high])


def _floats(bits: int) -> Values:
    return st.floats(allow_nan=False, allow_infinity=False, width=32 if bits == 32 else 64)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | _floats(64) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001 (a zone follows)
_day = st.dates()
_struct = st.fixed_dictionaries({"b": st.text() | st.none(), "c": st.lists(st.none() | _integers("int64"))})
_items = st.lists(
    st.none() | st.fixed_dictionaries({"d": st.none() | _floats(64), "e": st.none() | _day}), max_size=3
)

KINDS: dict[str, Kind] = {
    **{name: Kind(name, _integers(name), getattr(pa, name)()) for name in INTEGERS},
    "float32": Kind("float32", _floats(32), pa.float32()),
    "float64": Kind("float64", _floats(64), pa.float64()),
    "dec": Kind("decimal(38,10)", st.decimals(-(10**27), 10**27, places=10), pa.decimal128(38, 10)),
    "cents": Kind("decimal(9,2)", st.decimals(-9999999, 9999999, places=2), pa.decimal128(9, 2)),
    "text": Kind("string", st.text(), pa.string()),
    "flag": Kind("bool", st.booleans(), pa.bool_()),
    "day": Kind("date", _day, pa.date32()),
    "at": Kind(
        "timestamp[us, UTC]", _moments.map(lambda at: at.replace(tzinfo=UTC)), pa.timestamp("us", "UTC")
    ),
    "ms": Kind(
        "timestamp[ms, UTC]",
        _moments.map(lambda at: at.replace(tzinfo=UTC, microsecond=at.microsecond // 1000 * 1000)),
        pa.timestamp("ms", "UTC"),
    ),
    "wall": Kind("timestamp[us]", _moments, pa.timestamp("us")),
    "clock": Kind("time", st.times(), pa.time64("us")),
    "blob": Kind("binary", st.binary(), pa.binary()),
    "shade": Kind(
        "dictionary", st.text(), pa.dictionary(pa.int32(), pa.string())
    ),
    "any": Kind(
        "json", _anything.filter(lambda value: value is not None).map(json.dumps).map(JsonText), None
    ),
    "in": Kind(
        {"b": "string", "c": ["int64"]},
        _struct,
        pa.struct([("b", pa.string()), ("c", pa.list_(pa.int64()))]),
    ),
    "list": Kind(["string"], st.lists(st.none() | st.text(), max_size=3), pa.list_(pa.string())),
    "items": Kind(
        [{"d": "float64", "e": "date"}],
        _items,
        pa.list_(pa.struct([("d", pa.float64()), ("e", pa.date32())])),
    ),
}  # fmt: skip


def records_of(kinds: Mapping[str, Kind]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to six records, each with a number `id` and any value, null included, for each kind."""
    fields = {name: st.none() | kind.values for name, kind in kinds.items()}
    return st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=6).map(
        lambda records: [{"id": number, **record} for number, record in enumerate(records)]
    )


@dataclass(frozen=True)
class LandedFormat:
    """A way to write a file.

    Attributes:
        kinds: Those that it can express.
        examples: How many a property test tries; `make fuzz` tries many. Typed files cost a process each.
    """

    suffix: str
    write: Callable[[Sequence[Record]], bytes]
    kinds: Mapping[str, Kind]
    examples: int = 8


def as_json(value: Any) -> str:
    """A value as a producer would write it in JSON; decimals keep their digits."""
    match value:
        case JsonText():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case datetime() | date() | time():
            return f'"{value.isoformat()}"'
        case bytes():
            return f'"{base64.b64encode(value).decode()}"'
        case Mapping():
            return "{" + ",".join(f"{json.dumps(name)}:{as_json(one)}" for name, one in value.items()) + "}"
        case list():
            return "[" + ",".join(map(as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def ndjson(records: Sequence[Record]) -> bytes:
    return "".join(as_json(record) + "\n" for record in records).encode()


def json_array(records: Sequence[Record]) -> bytes:
    return ("[" + ",\n ".join(map(as_json, records)) + "]\n").encode()


def csv_text(records: Sequence[Record], delimiter: str = ",") -> bytes:
    """A header and a line a record; text is quoted, and null is nothing at all."""
    names = list(records[0])
    lines = [names, *([_cell(record[name]) for name in names] for record in records)]
    return "".join(delimiter.join(cells) + "\r\n" for cells in lines).encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            text = str(value)
        case bytes() | datetime() | date() | time():
            text = json.loads(as_json(value))
        case _:
            return as_json(value)
    return '"' + text.replace('"', '""') + '"'


def arrow_schema(records: Sequence[Record]) -> pa.Schema:
    """The Arrow types of the records' kinds."""
    return pa.schema(
        [("id", pa.int64()), *((name, KINDS[name].arrow) for name in records[0] if name != "id")]
    )


def arrow_table(records: Sequence[Record]) -> pa.Table:
    """The records under their Arrow types."""
    return pa.Table.from_pylist([dict(record) for record in records], arrow_schema(records))


def parquet(records: Sequence[Record]) -> bytes:
    out = io.BytesIO()
    pq.write_table(arrow_table(records), out, row_group_size=3, compression="zstd")
    return out.getvalue()


def ipc_file(records: Sequence[Record]) -> bytes:
    table, out = arrow_table(records), io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return out.getvalue()


def ipc_stream(records: Sequence[Record]) -> bytes:
    table, out = arrow_table(records), io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return out.getvalue()


def avro(records: Sequence[Record]) -> bytes:
    """Blocks of three rows, compressed."""
    return avro_file(arrow_schema(records), records, codec="zstandard")


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
NESTED = ("in", "list", "items")
FLAT = {name: kind for name, kind in KINDS.items() if name not in NESTED}
TYPED = {name: kind for name, kind in KINDS.items() if kind.arrow is not None}
AVRO = {name: kind for name, kind in TYPED.items() if name != "uint64"}

FORMATS: tuple[LandedFormat, ...] = (
    LandedFormat(".ndjson", ndjson, KINDS),
    LandedFormat(".json", json_array, KINDS),
    LandedFormat(".csv", csv_text, FLAT),
    LandedFormat(".tsv", partial(csv_text, delimiter="\t"), FLAT),
    LandedFormat(".parquet", parquet, TYPED, examples=4),
    LandedFormat(".arrow", ipc_file, TYPED, examples=4),
    LandedFormat(".arrows", ipc_stream, TYPED, examples=4),
    LandedFormat(".avro", avro, AVRO, examples=4),
)

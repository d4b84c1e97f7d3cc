"""The files of the cases: each holds the case as its second record, between two good ones."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from config.column_syntax import parse_columns
from config.column_types import Column
from tests.contract_table.cases import CASES, Case
from tests.contract_table.meaning import cell_value, json_or_error
from tests.storage.typed.arrow_as_avro import avro_file

SUFFIXES = {name: f".{name}" for name in ("ndjson", "json", "csv", "parquet", "ipc", "avro")}
TYPED = ("parquet", "ipc", "avro")
GOOD = 0
"""The value of the good records where one is required; null elsewhere."""


@dataclass(frozen=True)
class Landed:
    """A case in a file of one format.

    Attributes:
        number: Of the case, from 0.
        data: The bytes of the file.
        written: The value as a Python value, numbers as Decimal; an exception where the record is no record.
    """

    number: int
    format: str
    data: bytes
    written: Any

    @property
    def case(self) -> Case:
        """What the file is about."""
        return CASES[self.number]

    @property
    def name(self) -> str:
        """Of the file."""
        return f"{self.number:02d}{SUFFIXES[self.format]}"


def column_of(case: Case) -> Column | None:
    """The column `value`; None where the contract has none."""
    if case.type is None:
        return None
    (column,), _ = parse_columns({"value": case.type})
    return column


def landed() -> Iterator[Landed]:
    """Every case in every format that can express it."""
    for number, case in enumerate(CASES):
        for name, data, written in _files(case):
            yield Landed(number, name, data, written)


def _files(case: Case) -> Iterator[tuple[str, bytes, Any]]:
    required = case.type == "int64!"
    if (record := _json_record(case)) is not None:
        good = b',"value":%d' % GOOD if required else b""
        records = [b'{"id":1%s}' % good, record, b'{"id":3%s}' % good]
        written = _written(record, "extra" if case.type is None else "value")
        yield "ndjson", b"\n".join(records) + b"\n", written
        yield "json", b"[" + b",\n".join(records) + b"]\n", written
    column = column_of(case)
    if case.cell is not None:
        good_cell = str(GOOD) if required else ""
        lines = [
            f"id,{'extra' if column is None else 'value'}",
            f"1,{good_cell}",
            f"2,{case.cell}",
            f"3,{good_cell}",
        ]
        data = "".join(line + "\n" for line in lines).encode()
        yield "csv", data, case.cell if column is None else cell_value(column.type, case.cell)
    if case.arrow is not None:
        table = _arrow_table(case, required=required)
        yield "parquet", _parquet(table), case.arrow[1]
        yield "ipc", _ipc(table), case.arrow[1]
        if (avro := _avro(case, table)) is not None:
            yield "avro", avro, case.arrow[1]


def _json_record(case: Case) -> bytes | None:
    if case.record is not None or case.json is None:
        return case.record
    return b'{"id":2,"%s":%s}' % (b"extra" if case.type is None else b"value", case.json.encode())


def _written(record: bytes, name: str) -> Any:
    value = json_or_error(record)
    if isinstance(value, Exception):
        return value
    return value.get(name) if isinstance(value, dict) else ValueError("not an object")


def _arrow_table(case: Case, *, required: bool) -> pa.Table:
    assert case.arrow is not None
    kind, value = case.arrow
    good = GOOD if required else None
    if pa.types.is_string(kind) and isinstance(value, bytes):  # invalid UTF-8, which only buffers can hold
        array = pa.array([good, value, good], pa.binary()).view(pa.string())
    else:
        array = pa.array([good, value, good], kind)
    return pa.table({"id": pa.array([1, 2, 3], pa.int64()), "extra" if case.type is None else "value": array})


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _ipc(table: pa.Table) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def _avro(case: Case, table: pa.Table) -> bytes | None:
    assert case.arrow is not None
    (good, _, _), name = table.column(1).slice(0, 1).to_pylist() * 3, table.column_names[1]
    values = (good, case.arrow[1], good)
    try:
        return avro_file(table.schema, [{"id": number, name: one} for number, one in enumerate(values, 1)])
    except NotImplementedError:
        return None

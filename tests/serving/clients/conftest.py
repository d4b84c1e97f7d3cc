"""One server over tables of every shape, for clients that only read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.run import run
from serving.catalog import Catalog
from serving.flight.server import FlightSqlServer
from serving.queries.query import Engine
from tests.serving.conftest import Served

LARGE_ROWS: Final = 300_000
_COLUMNS: Final = """{
  flag: bool, i8: int8, i16: int16, i32: int32!, i64: int64, u64: uint64, f32: float32, f64: float64,
  money: "decimal(20, 4)", words: string, country: dictionary, bytes: binary, day: date, opens: time,
  at: "timestamp[us, UTC]", clock: "timestamp[us]", payload: json,
  actor: {id: int64, name: {first: string}}, tags: [string],
  parts: [{name: string, sizes: [int32], at: "timestamp[us, UTC]"}] }"""
PIPELINE: Final = """\
name: {name}
description: {description}
source: {{uri: "{folder}/landing/{name}"}}
contract: {{columns: {columns}}}
table: {{uri: "{folder}/lake/{name}"}}
"""
_LAST: Final = datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC)
ROW: Final[Mapping[str, Any]] = {
    "flag": True, "i8": -128, "i16": 32_767, "i32": -(2**31), "i64": 2**63 - 1, "u64": 2**64 - 1,
    "f32": 0.5, "f64": -1e300, "money": Decimal("-1234567890123456.7891"), "words": "zażółć\n'\"",
    "country": "PL", "bytes": b"\x00\xff", "day": date(1969, 12, 31), "opens": "09:30:00.250000",
    "at": _LAST, "clock": _LAST.replace(tzinfo=None), "payload": '{"a": [1, null]}',
    "actor": {"id": 7, "name": {"first": "Ada"}}, "tags": ["x", None, ""],
    "parts": [{"name": "p", "sizes": [1, None], "at": _LAST}, None],
}  # fmt: skip
_EMPTY: Final = dict.fromkeys(ROW) | {
    "i32": 0, "words": "", "bytes": b"", "tags": [], "parts": [], "actor": {"id": None, "name": None},
}  # fmt: skip
_TYPES: Final = {
    "u64": pa.uint64(), "i8": pa.int8(), "i16": pa.int16(), "i32": pa.int32(), "f32": pa.float32(),
    "money": pa.decimal128(20, 4), "clock": pa.timestamp("us"), "at": pa.timestamp("us", "UTC"),
}  # fmt: skip


def _every_type() -> Any:
    rows = [ROW, dict.fromkeys(ROW) | {"i32": 1}, _EMPTY]
    return pa.table({name: pa.array([row[name] for row in rows], _TYPES.get(name)) for name in ROW})


def _take_in(folder: Path, name: str, columns: str, rows: Any, description: str = "''") -> None:
    landing = folder / "landing" / name
    landing.mkdir(parents=True)
    pq.write_table(rows, landing / "1.parquet")
    told = PIPELINE.format(name=name, folder=folder, columns=columns, description=description)
    (folder / f"{name}.yaml").write_text(told, encoding="utf-8")
    run(load_pipeline(folder / f"{name}.yaml"))


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Tables `every_type` (three rows), `large`, `empty`, `every-type`; none yet of `not_yet`."""
    folder = tmp_path_factory.mktemp("shapes")
    _take_in(folder, "every_type", _COLUMNS, _every_type(), "one row, one of nulls, one of nothing")
    numbers = pa.table({"id": pa.array(range(LARGE_ROWS), pa.int64())})
    large = numbers.append_column("name", pa.array([f"name {one % 1000}" for one in range(LARGE_ROWS)]))
    _take_in(folder, "large", "{id: int64!, name: string}", large)
    _take_in(folder, "empty", "{id: int64!, name: string}", large.slice(0, 0))
    _take_in(
        folder, "every-type", "{id: int64!, Name: string}", large.slice(0, 2).rename_columns(["id", "Name"])
    )
    not_yet = PIPELINE.format(name="not_yet", folder=folder, columns="{id: int64}", description="later")
    (folder / "not_yet.yaml").write_text(not_yet, encoding="utf-8")
    engine = Engine(Catalog(Settings(pipelines=folder)), memory_bytes=64 * 2**20, threads=2)
    with FlightSqlServer(engine, "grpc://127.0.0.1:0") as server:
        yield Served(folder, f"grpc://127.0.0.1:{server.port}")


@pytest.fixture
def connection(shapes: Served) -> Iterator[Any]:
    """A connection of ADBC."""
    with shapes.connect() as opened:
        yield opened


@pytest.fixture
def cursor(connection: Any) -> Iterator[Any]:
    """A cursor of it."""
    with connection.cursor() as opened:
        yield opened

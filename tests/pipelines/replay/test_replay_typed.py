"""Refused rows of typed files are replayed by the rules for their own types, as if the file came again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from config.names import FILE, RECORD
from pipelines.replay import replay
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, ids, proof_of, reasons, run_and_prove, table
from tests.storage.typed.arrow_as_avro import avro_file
from tests.storage.typed.typed_reading import ipc_file, ipc_stream, parquet

BIG = 3_000_000_000
MAP = pa.map_(pa.string(), pa.int64())
NARROW = {"id": "int64!", "n": "int32", "f": "float32", "s": "string", "m": {"a": "int64"}}
WIDE = {**NARROW, "n": "int64", "f": "float64"}
FILE_SCHEMA = pa.schema(
    [("id", pa.int64()), ("n", pa.int64()), ("f", pa.float64()), ("s", pa.binary()), ("m", MAP)]
)
ROWS: list[dict[str, Any]] = [
    {"id": 1, "n": BIG, "f": 0.5, "s": None, "m": None},
    {"id": 2, "n": None, "f": None, "s": b"text", "m": None},
    {"id": 3, "n": 3, "f": 0.1, "s": None, "m": None},
    {"id": 4, "n": 4, "f": float("nan"), "s": None, "m": None},
    {"id": 5, "n": None, "f": None, "s": None, "m": [("a", 1)]},
    {"id": 6, "n": 6, "f": 0.25, "s": None, "m": None},
]


def avro(rows: pa.Table) -> bytes:
    """What writes Avro for tests knows no maps: lists of their values."""
    if "m" in rows.column_names:
        values = [pairs and [value for _, value in pairs] for pairs in rows["m"].to_pylist()]
        rows = rows.set_column(rows.column_names.index("m"), "m", pa.array(values, pa.list_(pa.int64())))
    return avro_file(rows.schema, rows.to_pylist())


WRITERS: dict[str, Callable[[pa.Table], bytes]] = {
    "a.parquet": parquet,
    "a.arrow": ipc_file,
    "a.arrows": ipc_stream,
    "a.avro": avro,
}


@pytest.mark.parametrize("name", WRITERS)
def test_replay_takes_in_what_the_rules_for_types_take(local: Store, name: str) -> None:
    local.put(f"landing/{name}", WRITERS[name](pa.Table.from_pylist(ROWS, FILE_SCHEMA)))
    narrow, wide = (a_pipeline(local, columns, lineage=True) for columns in (NARROW, WIDE))
    run_and_prove(narrow)
    assert ids(narrow) == [6]
    why = reasons(narrow)

    again = replay(narrow, SETTINGS)

    assert (again.taken_in, reasons(narrow)) == (0, why)
    assert again.still_refused == {"type_mismatch": 2, "out_of_range": 2, "precision_loss": 1}

    widened = replay(wide, SETTINGS)

    assert proof_of(wide).violations == ()
    assert (widened.taken_in, widened.still_refused) == (2, {"type_mismatch": 2, "out_of_range": 1})
    rows = table(wide).sort("id").with_columns(pl.col(FILE).str.extract("[^/]+$", 0))
    assert rows.select("id", "n", "f", FILE, RECORD).rows() == [
        (1, BIG, 0.5, name, 1),
        (3, 3, 0.1, name, 3),
        (6, 6, 0.25, name, 6),
    ]
    assert replay(wide, SETTINGS).taken_in == 0


def test_replay_of_files_of_many_schemas_takes_each_by_its_own(local: Store) -> None:
    wide = {"id": "int64!", "n": "int64", "f": "string", "s": "string", "m": "json"}
    narrow = {**wide, "n": "int32"}
    columns = {
        "a.parquet": pa.array([BIG, 1]),
        "b.arrow": pa.array([3e9, 3e9 + 0.5]),
        "c.parquet": pa.array([Decimal("3000000000.00"), Decimal("3000000000.01")]),
        "d.arrows": pa.array([str(BIG), "1"]),
        "e.parquet": pa.array([BIG, BIG + 1], pa.uint64()),
        "f.avro": pa.array([BIG, None]),
    }
    for number, (name, column) in enumerate(columns.items()):
        rows = pa.table({"id": [2 * number, 2 * number + 1], "n": column})
        local.put(f"landing/{name}", WRITERS[f"a{name[1:]}"](rows))
    local.put("landing/e.csv", b"n,id\n3000000000,100\n")
    local.put("landing/g.ndjson", b'{"id": 101, "n": 3000000000}\n{"id": 102, "n": 3000000000.5}\n')
    first = a_pipeline(local, narrow)
    run_and_prove(first)
    assert ids(first) == [1, 11]

    after = a_pipeline(local, wide)
    summary = replay(after, SETTINGS)

    assert proof_of(after).violations == ()
    assert ids(after) == [0, 1, 2, 4, 8, 9, 10, 11, 100, 101]
    assert sum(summary.still_refused.values()) == 5
    assert set(table(after)["n"].drop_nulls()) == {1, BIG, BIG + 1}

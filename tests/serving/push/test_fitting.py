"""What a schema is refused for is what no value of it could get over, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from config.column_syntax import parse_columns
from config.pipeline import Contract
from serving.push.errors import MismatchError
from serving.push.fitting import check_schema
from transforms.decode.kernel.codes import ACCEPTED
from transforms.decode.typed.decoder import TypedDecoder

MOMENT = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
TEXTS = ["a", "1", "2026-01-05", "10:00:00", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00"]
VALUES: list[tuple[pa.DataType, list[Any]]] = [
    (pa.bool_(), [True]),
    (pa.int8(), [0, 1]),
    (pa.uint64(), [0, 1]),
    (pa.float16(), [1.0]),
    (pa.float64(), [1.0]),
    (pa.decimal128(5, 1), [Decimal(1)]),
    (pa.decimal256(50, 3), [Decimal(1)]),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.string_view(), TEXTS),
    (pa.binary(), [b"a"]),
    (pa.binary(100), [b"a" * 100]),
    (pa.binary_view(), [b"a"]),
    (pa.date32(), [date(2026, 1, 5)]),
    (pa.date64(), [date(2026, 1, 5)]),
    (pa.time32("s"), [time(10)]),
    (pa.time64("ns"), [time(10)]),
    (pa.timestamp("ns"), [MOMENT.replace(tzinfo=None)]),
    (pa.timestamp("s", "UTC"), [MOMENT]),
    (pa.duration("s"), [1]),
    (pa.dictionary(pa.int8(), pa.string()), TEXTS),
    (pa.dictionary(pa.int8(), pa.int64()), [1]),
    (pa.list_(pa.int8()), [[1]]),
    (pa.large_list(pa.string()), [["a"]]),
    (pa.list_(pa.struct([("x", pa.int8())])), [[{"x": 1}]]),
    (pa.struct([("x", pa.int8())]), [{"x": 1}]),
    (pa.struct([("x", pa.string())]), [{"x": "a"}]),
    (pa.map_(pa.string(), pa.int8()), [[("a", 1)]]),
]
COLUMNS: list[Any] = [
    "bool", "int8", "int64", "uint64", "float32", "decimal(10,2)", "string", "dictionary", "binary", "json",
    "date", "time", "timestamp[us, UTC]", "timestamp[us]", {"x": "int64!"}, {"x": "string"}, ["int64!"],
    ["string!"], [{"x": "int64"}], [{"key": "string!", "value": "int64!"}],
    {"type": "timestamp[us, UTC]", "epoch": "s"}, {"type": "timestamp[us, UTC]", "assume_zone": "UTC"},
]  # fmt: skip


def _contract(column: Any, **options: Any) -> Contract:
    columns, findings = parse_columns({"c": column})
    assert not findings
    return Contract(columns=columns, **options)


def _is_refused(kind: pa.DataType, contract: Contract) -> bool:
    try:
        check_schema(pa.schema([("c", kind)]), contract, "events")
    except MismatchError:
        return True
    return False


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_check_refuses_what_no_value_fits(column: Any) -> None:
    contract = _contract(column)
    decoder = TypedDecoder(contract, 64)
    for kind, values in VALUES:
        batch = pa.record_batch({"c": pa.array(values, kind)})
        fits = bool((decoder.decode(batch).verdicts == ACCEPTED).any())
        assert _is_refused(kind, contract) == (not fits), kind


def test_check_leaves_to_the_contract_what_it_rescues_or_ignores() -> None:
    rescue = _contract("int64", on_mismatch="rescue")
    assert not _is_refused(pa.string(), rescue)
    assert _is_refused(pa.string(), _contract("int64!", on_mismatch="rescue"))
    for how in ("rescue", "add", "ignore"):
        check_schema(pa.schema([("d", pa.int8())]), _contract("int64", on_new_column=how), "events")
    strict = _contract({"x": "int64"}, on_new_column="fail")
    check_schema(pa.schema([("d", pa.null())]), strict, "events")
    for one in (("d", pa.int8()), ("c", pa.struct([("x", pa.int8()), ("y", pa.int8())]))):
        with pytest.raises(MismatchError, match="does not have"):
            check_schema(pa.schema([one]), strict, "events")


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("c", pa.int64()), ("c", pa.int64())]),
        pa.schema([("c", pa.list_view(pa.int64()))]),
        pa.schema([("c", pa.timestamp("us", "Nowhere/Land"))]),
    ],
)
def test_check_refuses_what_cannot_be_read(schema: pa.Schema) -> None:
    with pytest.raises(MismatchError):
        check_schema(schema, _contract("int64"), "events")

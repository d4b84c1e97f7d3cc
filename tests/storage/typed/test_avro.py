"""Avro files give what they hold in Arrow's types, and nothing behind a damage."""

from __future__ import annotations

import datetime
import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from storage.reading.block_builder import Damage
from storage.reading.typed.avro import read as read_avro
from storage.reading.typed.failure import UnreadableError
from tests.conftest import Store
from tests.storage.typed.avro_files import COMPRESS, MARK, avro, container, header, number, record, text
from tests.storage.typed.typed_reading import NUMBERS, damages, read, table

FEW = NUMBERS.slice(0, 300)
ZEROS = record(a="long")
POWERS = record(
    **{
        f"f{n}": {
            "type": "record",
            "name": f"r{n}",
            "fields": [{"name": f"a{m}", "type": f"r{n - 1}" if n else "int"} for m in range(9)],
        }
        for n in range(20)
    }
)
"""Few names, but nine times as many columns by each."""


def columns(data: bytes, batch_bytes: int = 1 << 16) -> pa.Table:
    """The rows of a file."""
    batches = list(read_avro(pa.py_buffer(data), batch_bytes))
    for batch in batches:
        batch.validate(full=True)
    return pa.Table.from_batches(batches)


WRONG = {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 5}
DURATION = {"type": "fixed", "name": "d", "size": 12, "logicalType": "duration"}
NANOS = 1_577_934_245_123_456_789


@pytest.mark.parametrize(
    ("kind", "stored", "type_", "value"),
    [
        ({"type": "long", "logicalType": "timestamp-nanos"}, number(NANOS), pa.timestamp("ns", "UTC"), NANOS),
        ({"type": "long", "logicalType": "local-timestamp-nanos"}, number(NANOS), pa.timestamp("ns"), NANOS),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, number(-1), pa.timestamp("ms"), -1),
        ({"type": "string", "logicalType": "uuid"}, text("0-0"), pa.string(), "0-0"),
        ({"type": "bytes", "logicalType": "big-decimal"}, text(b"\x02\x01"), pa.binary(), b"\x02\x01"),
        ({"type": "int", "logicalType": "timestamp-millis"}, number(5), pa.int32(), 5),
        (WRONG, text(b"\x01"), pa.binary(), b"\x01"),
        ({"type": "bytes", "logicalType": "decimal"}, text(b"\x01"), pa.binary(), b"\x01"),
        (DURATION, bytes(12), pa.binary(12), bytes(12)),
        ({"type": "fixed", "name": "f", "size": 0}, b"", pa.binary(0), b""),
        (["string"], number(0) + text("x"), pa.string(), "x"),
        (["null"], number(0), pa.null(), None),
        ({"type": {"type": "int"}}, number(3), pa.int32(), 3),
    ],
)  # fmt: skip
def test_read_gives_the_type_that_is_meant(kind: Any, stored: bytes, type_: pa.DataType, value: Any) -> None:
    found = columns(container(record(a=kind), [(1, stored)]))["a"]

    assert found.type == type_
    if pa.types.is_timestamp(type_):
        found = found.cast(pa.int64())
    assert found.to_pylist() == [value]


def test_read_gives_uuids_of_sixteen_bytes_as_uuids() -> None:
    kind = {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"}

    found = columns(container(record(a=kind), [(1, bytes(15) + b"\x05")]))["a"]

    assert found.type == pa.uuid()
    assert found.to_pylist() == [uuid.UUID(int=5)]


def test_read_gives_a_union_of_several_types_as_a_union() -> None:
    data = number(1) + number(7) + number(0) + number(2) + text("x")

    found = columns(container(record(a=["null", "long", "string"]), [(3, data)]))["a"]

    assert pa.types.is_union(found.type)
    assert [field.name for field in found.type] == ["null", "long", "string"]
    assert found.to_pylist() == [7, None, "x"]


def test_read_finds_names_by_their_namespace() -> None:
    inner = {"type": "enum", "name": "kind", "symbols": ["A", "B"]}
    other = {"type": "fixed", "name": "other.kind", "size": 1}
    schema = {
        "type": "record",
        "name": "r",
        "namespace": "one",
        "fields": [
            {"name": "a", "type": inner},
            {"name": "b", "type": other},
            {"name": "c", "type": "kind"},
            {"name": "d", "type": "other.kind"},
            {"name": "e", "type": ["null", "one.kind"]},
        ],
    }
    data = number(1) + b"!" + number(0) + b"?" + number(1) + number(1)

    found = columns(container(json.dumps(schema), [(1, data)])).to_pylist()

    assert found == [{"a": "B", "b": b"!", "c": "A", "d": b"?", "e": "B"}]


def test_read_takes_items_that_come_in_blocks_with_their_size() -> None:
    blocks = number(-2) + number(2) + number(5) + number(6) + number(1) + number(7) + number(0)

    found = columns(container(record(a={"type": "array", "items": "long"}), [(1, blocks)]))

    assert found["a"].to_pylist() == [[5, 6, 7]]


@pytest.mark.parametrize("codec", COMPRESS)
def test_read_rows_reads_every_codec(store: Store, codec: str) -> None:
    data = avro(NUMBERS, rows_a_block=700, codec=codec)
    path = store.put("a.avro", data)

    items = read([path], "avro", sizes=[len(data)])

    assert table(items) == NUMBERS
    assert not damages(items)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('{"type": "record", "name": "r", "fields": [{"name": "a", "type": ["null", "r"]}]}', "holds itself"),
        ('"long"', "rows of type long"),
        (record(a={"type": "bytes", "logicalType": "decimal", "precision": 77}), "77 digits"),
        (record(a=["null"] * 200), "a union of 200"),
        (POWERS, "too large"),
        ('{"type": "array", "items": ' * 100 + '"long"' + "}" * 100, "nested too deeply"),
    ],
    ids=["recursive", "no record", "digits", "branches", "powers", "deep"],
)  # fmt: skip
def test_read_refuses_what_arrow_cannot_hold(schema: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said) as caught:
        columns(container(schema, []))

    assert caught.value.damage == "unsupported_schema"


def test_read_refuses_a_codec_that_it_does_not_know() -> None:
    with pytest.raises(UnreadableError, match="brotli") as caught:
        columns(header(ZEROS, codec="brotli"))

    assert caught.value.damage == "unsupported_schema"


@pytest.mark.parametrize(
    "schema",
    ["", "{", "null", '{"type": "record"}', '["long", ["long"]]', "[" * 100_000, record(a="unheard")],
)
def test_read_refuses_what_is_no_schema(schema: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        columns(header(schema))

    assert caught.value.damage == "corrupt_file"


@pytest.mark.parametrize(
    ("kind", "rows", "data"),
    [
        ("long", 1, b""),
        ("long", 1, b"\x80"),
        ("long", 1, b"\xff" * 9 + b"\x02"),
        ("long", 1, b"\x80" * 10 + b"\x00"),
        ("long", 1, number(1) + number(2)),
        ("long", 3, number(1) + number(2)),
        ("long", -1, b""),
        ("long", 2**62, bytes(10)),
        ("null", 2**62, b""),
        ("int", 1, number(2**31)),
        ("boolean", 1, b"\x02"),
        ("string", 1, number(5) + b"abcd"),
        ("string", 1, number(-1)),
        ("string", 1, number(2**62) + b"abcd"),
        ("double", 1, bytes(7)),
        (["null", "long"], 1, number(2)),
        (["null", "long"], 1, number(-1)),
        ({"type": "enum", "name": "e", "symbols": ["A"]}, 1, number(1)),
        ({"type": "array", "items": "long"}, 1, number(2) + number(1)),
        ({"type": "array", "items": "null"}, 1, number(2**40) + number(0)),
        ({"type": "array", "items": "long"}, 1, number(-(2**63)) + number(1)),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9}, 1, text(b"\x01" + bytes(40))),
    ],
)
def test_read_refuses_rows_that_are_none(kind: Any, rows: int, data: bytes) -> None:
    good = record(a="long", b=kind)
    whole = container(good, [(rows, b"".join([number(0), data]) if rows == 1 else data)])

    with pytest.raises(UnreadableError) as caught:
        columns(whole if rows == 1 else container(record(b=kind), [(rows, data)]))

    assert caught.value.damage == "corrupt_file"


def test_read_refuses_decimals_with_more_digits_than_are_declared() -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 0}

    with pytest.raises(pa.ArrowInvalid, match="precision"):
        columns(container(record(a=kind), [(1, text(b"\x7f"))]))


def test_read_rows_of_a_damaged_block_keeps_the_blocks_before_and_the_bytes_from_there(store: Store) -> None:
    data = bytearray(avro(FEW, rows_a_block=100, codec="deflate"))
    third = data.rindex(MARK, 0, len(data) - 16) + 16
    data[third + 20] ^= 0xFF
    path = store.put("a.avro", bytes(data))

    items = read([path], "avro", sizes=[len(data)])

    assert table(items) == FEW.slice(0, 200)
    assert damages(items) == [Damage(0, third, len(data) - third, "corrupt_file", bytes(data[third:]))]


def test_read_rows_of_a_damaged_row_keeps_the_rows_before(tmp_path: Path) -> None:
    data = container(record(a="string"), [(3, text("x") + text("y") + number(-9))])
    (tmp_path / "a").write_bytes(data)

    items = read([str(tmp_path / "a")], "avro")

    found = table(items)
    assert found is not None
    assert found["a"].to_pylist() == ["x", "y"]
    assert damages(items) == [Damage(0, 0, len(data), "corrupt_file", b"")]


@pytest.mark.parametrize("cut", [1, 3, 20, 100, 250])
def test_read_rows_of_a_truncated_file_keeps_the_whole_blocks(tmp_path: Path, cut: int) -> None:
    whole = avro(FEW, rows_a_block=100)
    path = tmp_path / "a"
    path.write_bytes(whole[:-cut] if cut != 250 else whole[:250])

    items = read([str(path)], "avro")

    [damage] = damages(items)
    assert damage.reason == "truncated_file"
    assert table(items) == (FEW.slice(0, 200) if cut != 250 else None)
    assert path.read_bytes()[damage.offset :] == damage.data


def test_read_refuses_a_block_with_a_wrong_mark_or_checksum() -> None:
    data = bytearray(avro(FEW, rows_a_block=300, codec="snappy"))
    mark, checksum = bytes(data[:-1]) + b"!", bytes(data[:-17]) + b"!" + bytes(data[-16:])

    for wrong in (mark, checksum):
        with pytest.raises(UnreadableError) as caught:
            columns(wrong)
        assert caught.value.damage == "corrupt_file"


def test_read_gathers_small_blocks_and_parts_large_ones() -> None:
    small, large = avro(NUMBERS, rows_a_block=10), avro(NUMBERS, rows_a_block=20_000)

    sizes = [[batch.nbytes for batch in read_avro(pa.py_buffer(data), 20_000)] for data in (small, large)]

    for found in sizes:
        assert len(found) > 10
        assert max(found) < 100_000


def test_read_keeps_dates_before_the_year_one() -> None:
    kind = {"type": "int", "logicalType": "date"}
    first = (datetime.date(1, 1, 1) - datetime.date(1970, 1, 1)).days - 1

    found = columns(container(record(a=kind), [(1, number(first))]))["a"]

    assert found.cast(pa.int32()).to_pylist() == [first]

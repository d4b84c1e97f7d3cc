"""The same records as text and as rows of a typed file come to the same; no value is changed by its type."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipeline import Contract
from tests.transforms.decoding import padded
from tests.transforms.typed_decoding import a_contract, value
from transforms.decode.decoder import Decoded, Decoder
from transforms.decode.kernel.codes import REASONS, UNKNOWN_FIELD
from transforms.decode.typed.copies import copies
from transforms.decode.typed.decoder import TypedDecoder


@dataclass(frozen=True)
class Cell:
    """A column type, the Arrow type it comes in, values of that, and how these are written as JSON."""

    kind: Any
    arrow: pa.DataType
    values: st.SearchStrategy[Any]
    write: Callable[[Any], str]


def dumps(of: Any) -> str:
    return json.dumps(of, ensure_ascii=False, separators=(",", ":"))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.one_of(st.integers(-300, 300), st.integers(-(2**63), 2**63 - 1))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SINGLES = st.floats(allow_nan=False, allow_infinity=False, width=32)
DECIMALS = st.decimals(-(10**15), 10**15, places=4, allow_nan=False)
DATES = st.dates()
MOMENTS = st.datetimes()
CLOCKS = st.times()


def iso(of: date | time | datetime) -> str:
    """As Arrow writes it: with all six digits behind the second."""
    match of:
        case datetime():
            return of.isoformat("T", "microseconds")
        case time():
            return of.isoformat("microseconds")
    return of.isoformat()


def literal(of: float) -> str:
    """The shortest text that reads back to the number, as a double or as an integer."""
    return f"{int(of)}.0" if 2**53 <= abs(of) <= 1e38 else repr(of)


def quoted(of: date | time) -> str:
    return dumps(iso(of))


def moment(of: datetime) -> str:
    return dumps(f"{iso(of)}Z")


def in_base64(of: bytes) -> str:
    return dumps(base64.b64encode(of).decode())


PLAIN = [
    (pa.int64(), INTEGERS, dumps),
    (pa.bool_(), st.booleans(), dumps),
    (pa.string(), TEXTS, dumps),
    (pa.string_view(), TEXTS, dumps),
    (pa.dictionary(pa.int8(), pa.string()), TEXTS, dumps),
    (pa.list_(pa.int64()), st.lists(INTEGERS, max_size=3), dumps),
    (pa.struct({"p": pa.bool_()}), st.fixed_dictionaries({"p": st.booleans()}), dumps),
]
"""What is read alike whatever the column type, but for floats, which literals may round to."""
OTHERS = [Cell(kind, *one) for one in PLAIN[1:] for kind in ("float32", "float64")]
LEAVES = [
    *OTHERS,
    *(
        Cell(kind, *one)
        for one in PLAIN
        for kind in (
            "int8",
            "uint16",
            "int64",
            "decimal(9,2)",
            "string",
            "bool",
            "date",
            "time",
            "timestamp[us]",
            "json",
            "dictionary",
            ["int8"],
            {"p": "bool"},
        )
    ),
    *(
        Cell(kind, pa.float64(), FLOATS, literal)
        for kind in ("int8", "int64", "uint64", "float64", "bool", "string", "json")
    ),
    Cell("float64", pa.int64(), st.integers(-(2**53), 2**53), dumps),
    Cell("float32", pa.float32(), SINGLES, literal),
    Cell("float64", pa.float64(), st.floats(-10, 10).map(round).map(float), repr),
    Cell("int16", pa.float64(), st.floats(-10, 10).map(round).map(float), repr),
    *(
        Cell(kind, pa.decimal128(20, 4), DECIMALS, str)
        for kind in ("decimal(38,10)", "decimal(12,2)", "decimal(5,0)", "int32", "string", "json")
    ),
    *(Cell(kind, pa.date32(), DATES, quoted) for kind in ("date", "json")),
    *(Cell(kind, pa.time64("us"), CLOCKS, quoted) for kind in ("time",)),
    *(Cell(f"timestamp[{unit}]", pa.timestamp("us"), MOMENTS, quoted) for unit in ("s", "ms", "us")),
    *(
        Cell(f"timestamp[{unit}, UTC]", pa.timestamp("us", "UTC"), MOMENTS, moment)
        for unit in ("s", "ms", "us")
    ),
    *(Cell(f"timestamp[{unit}]", pa.string(), MOMENTS.map(str), dumps) for unit in ("s", "us")),
    Cell("timestamp[us, UTC]", pa.large_string(), MOMENTS.map(lambda of: f"{of.isoformat()}+05:30"), dumps),
    Cell({"type": "timestamp[us, UTC]", "assume_zone": "Europe/Berlin"}, pa.timestamp("us"), MOMENTS, quoted),
    Cell({"type": "timestamp[us, UTC]", "epoch": "ms"}, pa.int64(), INTEGERS, dumps),
    Cell({"type": "timestamp[s, UTC]", "epoch": "ms"}, pa.int64(), st.integers(-9000, 9000), dumps),
    Cell("date", pa.string(), st.one_of(DATES.map(str), TEXTS), dumps),
    Cell("time", pa.string_view(), st.one_of(CLOCKS.map(str), TEXTS), dumps),
    *(Cell(kind, pa.binary(), st.binary(max_size=20), in_base64) for kind in ("binary", "json")),
]


def required(cell: Cell) -> Cell:
    kind = f"{cell.kind}!" if isinstance(cell.kind, str) else cell.kind
    return Cell(kind, cell.arrow, cell.values, cell.write)


def listed(cell: Cell) -> Cell:
    def write(of: Sequence[Any]) -> str:
        return "[" + ",".join("null" if one is None else cell.write(one) for one in of) + "]"

    elements = st.lists(st.none() | cell.values, max_size=3)
    return Cell([cell.kind], pa.list_(cell.arrow), elements, write)


def in_struct(cells: Sequence[Cell], dropped: int, unknown: Cell) -> Cell:
    """A struct of the cells without one of them, and with one that the contract does not have."""
    fields = {f"f{number}": cell for number, cell in enumerate(cells)}
    kinds = {name: cell.kind for name, cell in fields.items()}
    found = {name: cell for name, cell in fields.items() if name != f"f{dropped}"} | {"un.known": unknown}

    def write(of: dict[str, Any]) -> str:
        there = [(name, cell) for name, cell in found.items() if of[name] is not None]
        return "{" + ",".join(f"{dumps(name)}:{cell.write(of[name])}" for name, cell in there) + "}"

    of = st.fixed_dictionaries({name: st.none() | cell.values for name, cell in found.items()})
    arrow = pa.struct([(name, cell.arrow) for name, cell in found.items()])
    return Cell(kinds, arrow, of, write)


LEAF = st.sampled_from(LEAVES).flatmap(lambda cell: st.sampled_from([cell, cell, required(cell)]))
CELL = st.recursive(
    LEAF,
    lambda below: st.one_of(
        below.map(listed),
        st.builds(in_struct, st.lists(below, min_size=1, max_size=3), st.integers(0, 4), LEAF),
    ),
    max_leaves=4,
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Contract, pa.RecordBatch, list[bytes]]:
    """A contract, rows, and the same rows as lines."""
    root = in_struct(draw(st.lists(CELL, min_size=1, max_size=4)), draw(st.integers(0, 5)), draw(LEAF))
    options = {
        "on_mismatch": draw(st.sampled_from(["quarantine", "rescue"])),
        "on_new_column": draw(st.sampled_from(["rescue", "ignore", "fail"])),
    }
    rows = draw(st.lists(root.values, min_size=1, max_size=6))
    skipped = draw(st.integers(0, len(rows) - 1))
    names = [one.name for one in root.arrow]
    arrays = [pa.array([row[one.name] for row in rows], one.type) for one in root.arrow]
    batch = pa.RecordBatch.from_arrays(arrays, names).slice(skipped)
    return a_contract(root.kind, **options), batch, [root.write(row).encode() for row in rows[skipped:]]


def from_lines(contract: Contract, lines: Sequence[bytes]) -> Decoded:
    data = padded(b"".join(line + b"\n" for line in lines))
    offsets = np.cumsum([0, *(len(line) + 1 for line in lines)], dtype=np.int64)
    (decoded,) = Decoder(contract, 64).decode(data, offsets)
    return decoded


def comparable(contract: Contract, decoded: Decoded) -> list[Any]:
    """What became of each record; JSON by its value. Of several unknown fields, any may be named."""
    rows = decoded.columns.to_pylist()
    rescued = [text and json.loads(text) for text in decoded.rescued.to_pylist()]
    return [
        (REASONS[verdict], verdict != UNKNOWN_FIELD and int(node))
        if verdict
        else (repr(parsed(contract.columns, row)), rescue)
        for verdict, node, row, rescue in zip(decoded.verdicts, decoded.nodes, rows, rescued, strict=True)
    ]


def parsed(columns: Any, row: dict[str, Any]) -> Any:
    """The row with the values of `json` columns for their texts."""
    return {column.name: _parsed(column.type, row[column.name]) for column in columns}


def _parsed(kind: Any, of: Any) -> Any:
    match type(kind).__name__:
        case "Json":
            return of and repr(json.loads(of))
        case "Struct":
            return of and parsed(kind.fields, of)
        case "List":
            return of and [_parsed(kind.element.type, one) for one in of]
    return of


@settings(max_examples=200, deadline=None)
@given(batches())
def test_typed_rows_and_the_same_lines_decode_alike(
    case: tuple[Contract, pa.RecordBatch, list[bytes]],
) -> None:
    contract, batch, lines = case
    typed = TypedDecoder(contract, 64).decode(batch)
    typed.columns.validate(full=True)
    assert comparable(contract, typed) == comparable(contract, from_lines(contract, lines))


@settings(max_examples=100, deadline=None)
@given(batches())
def test_copies_decode_to_what_their_rows_do(case: tuple[Contract, pa.RecordBatch, list[bytes]]) -> None:
    contract, batch, _ = case
    lines = copies(batch, np.arange(batch.num_rows)).to_pylist()
    typed = TypedDecoder(contract, 64).decode(batch)
    assert comparable(contract, from_lines(contract, lines)) == comparable(contract, typed)


SAMPLES: list[tuple[pa.DataType, list[Any]]] = [
    *(
        (
            arrow,
            [
                one
                for one in (
                    0,
                    1,
                    -1,
                    7,
                    127,
                    128,
                    300,
                    2**24 + 1,
                    2**31,
                    2**53 + 1,
                    2**63 - 1,
                    -(2**63),
                    2**64 - 1,
                )
                if low <= one <= high
            ],
        )
        for arrow, low, high in (
            (pa.int8(), -128, 127),
            (pa.uint8(), 0, 255),
            (pa.int32(), -(2**31), 2**31 - 1),
            (pa.int64(), -(2**63), 2**63 - 1),
            (pa.uint64(), 0, 2**64 - 1),
        )
    ),
    *(
        (arrow, [0.0, -0.0, 1.5, 0.1, 3.0, 1e10, 1e20, 2.0**63, -(2.0**63), 1e38, 3e38, math.nan, math.inf])
        for arrow in (pa.float32(), pa.float64())
    ),
    (pa.float64(), [5e-324, 1.7976931348623157e308, 2.0**53 + 2, 9.3e18, 1 / 3]),
    (
        pa.decimal128(38, 10),
        [Decimal(text) for text in ("0", "1.5", "-0.1", "123456789012345678.0000000001", "300", "1E+10")],
    ),
    (pa.decimal256(60, 20), [Decimal(text) for text in ("0", "1.5", "1E-20", "1E+39", "0.5")]),
    (pa.decimal256(76, 60), [Decimal(text) for text in ("0", "1.5", "1E-60", "1E+15")]),
    (pa.decimal128(10, -5), [Decimal(text) for text in ("0", "1E+5", "3E+14")]),
]
NUMBERS = [
    "int8",
    "uint8",
    "int32",
    "int64",
    "uint64",
    "float32",
    "float64",
    "decimal(10,2)",
    "decimal(38,10)",
    "decimal(38,38)",
    "decimal(5,0)",
]


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize(("arrow", "samples"), SAMPLES)
def test_a_number_of_any_type_is_kept_exactly_or_refused(
    kind: str, arrow: pa.DataType, samples: list[Any]
) -> None:
    for of in pa.array(samples, arrow).to_pylist():
        found = value(kind, of, arrow)
        if isinstance(found, str):
            assert found in ("<type_mismatch>", "<out_of_range>", "<precision_loss>")
            assert not fits(kind, of), (kind, of, found)
        else:
            assert Fraction(found) == Fraction(of), (kind, of, found)


def fits(kind: str, of: Any) -> bool:
    """Whether a column type can hold a number exactly."""
    if isinstance(of, float) and not math.isfinite(of):
        return False
    exact = Fraction(of)
    if kind.startswith("decimal"):
        precision, scale = map(int, kind[8:-1].split(","))
        scaled = exact * 10**scale
        return bool(scaled.denominator == 1 and abs(scaled.numerator) < 10**precision)
    if kind.startswith("float"):
        if abs(exact) > Fraction(np.finfo(kind).max.item()):
            return False
        nearest = np.float32(float(exact)) if kind == "float32" else float(exact)
        return bool(Fraction(float(nearest)) == exact)
    bits, signed = int(kind.lstrip("uint")), not kind.startswith("u")
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    return exact.denominator == 1 and low <= exact < high


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NUMBERS), st.floats(width=64))
def test_a_float_is_kept_exactly_or_refused(kind: str, of: float) -> None:
    found = value(kind, of, pa.float64())
    assert (isinstance(found, str) and not fits(kind, of)) or Fraction(found) == Fraction(of)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NUMBERS), st.integers(-(10**38) + 1, 10**38 - 1), st.integers(0, 38))
def test_a_decimal_is_kept_exactly_or_refused(kind: str, digits: int, scale: int) -> None:
    of = Decimal((digits < 0, tuple(map(int, str(abs(digits)))), -scale))
    found = value(kind, of, pa.decimal128(38, scale))
    assert (isinstance(found, str) and not fits(kind, of)) or Fraction(found) == Fraction(of)

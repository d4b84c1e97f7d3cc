"""What must hold for any input: the grammar, the round trip, conservation, no byte read past the block."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.decoding import a_pipeline, conform, decoded, padded
from tests.transforms.guarded_pages import GuardedPages
from transforms.conform import QUARANTINED, READ, Conformer

EDGES = [
    *("{}[],:\"'\\ \t\r0123456789.eE+-"),
    *(
        "true",
        "false",
        "null",
        "NaN",
        "Infinity",
        "1e5",
        "-0",
        "0.",
        "00",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\\x",
    ),
    *('"a"', '"a":', '"\\""', "[[", "]]", "{}", "[]", ",,", "é", "\x7f", "\x1f", "\u2028", "😀"),
]
near_json = st.lists(st.sampled_from(EDGES), max_size=12).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def reject(literal: str) -> Any:
    raise ValueError(literal)


def is_json(text: str) -> bool:
    """Whether the standard library's parser, held to the standard, takes the text."""
    try:
        json.loads(text, parse_constant=reject)
    except ValueError:
        return False
    return True


JSON_COLUMN = Conformer(a_pipeline({"value": "json"}), max_nesting=64, positions=False)


def accepts(conformer: Conformer, text: bytes) -> bool:
    line = b'{"value":' + text + b"}\n"
    (chunk,) = conformer.conform(padded(line), len(line), np.zeros(1, np.int64)).chunks
    return chunk.accepted.height == 1


@settings(max_examples=1500)
@given(
    near_json
    | json_values.map(json.dumps)
    | json_values.map(lambda v: json.dumps(v, ensure_ascii=False, indent=1))
)
def test_decode_accepts_exactly_what_an_independent_parser_accepts(text: str) -> None:
    line = text.replace("\n", " ")
    wrapped = '{"value":' + line + "}"
    if '"value"' in line:
        return  # the outer object may have the key twice, which is refused on purpose
    assert accepts(JSON_COLUMN, line.encode("utf-8", "surrogatepass")) == is_json(wrapped)


moments = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 (bounds have none)
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "int8": st.integers(-128, 127),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "float32": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "decimal(38,10)": st.decimals(-(10**27), 10**27, places=10),
    "string": st.text(),
    "dictionary": st.sampled_from(["", "DE", "AT", "a text of more than twelve bytes"]) | st.text(max_size=2),
    "binary": st.binary(),
    "bool": st.booleans(),
    "date": st.dates(),
    "time": st.times(),
    "timestamp[us, UTC]": moments,
}


def encoded(value: Any) -> Any:
    """A value as JSON text would carry it; decimals keep their digits."""
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def to_json(record: dict[str, Any], *, ascii_only: bool) -> bytes:
    decimals = {name: value for name, value in record.items() if isinstance(value, Decimal)}
    others = {name: encoded(value) for name, value in record.items() if name not in decimals}
    text = json.dumps(others, ensure_ascii=ascii_only)
    for name, value in decimals.items():
        text = f'{{"{name}":{value:f}' + (", " if others else "") + text[1:]
    return text.encode()


records = st.fixed_dictionaries({}, optional={kind: values | st.none() for kind, values in TYPES.items()})
COLUMNS = {f"c{i}": kind for i, kind in enumerate(TYPES)}
NAMES = {kind: name for name, kind in COLUMNS.items()}
ALL_TYPES = Conformer(a_pipeline(COLUMNS), max_nesting=64, positions=False)


@settings(max_examples=300)
@given(st.lists(records, min_size=1, max_size=8), st.booleans())
def test_decode_gives_back_every_value_bit_for_bit(values: list[dict[str, Any]], ascii_only: bool) -> None:
    named = [{NAMES[kind]: value for kind, value in one.items()} for one in values]
    text = b"".join(to_json(one, ascii_only=ascii_only) + b"\n" for one in named)

    (chunk,) = ALL_TYPES.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks

    got = chunk.accepted.drop("_rescued").to_dicts()
    assert got == [{name: one.get(name) for name in COLUMNS} for one in named]
    for row, one in zip(got, named, strict=True):
        for name, value in one.items():
            if isinstance(value, float):
                assert math.copysign(1, row[name]) == math.copysign(1, value)


EPOCH_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


@given(moments, st.sampled_from(list(EPOCH_DIGITS)), st.integers(0, 3))
def test_decode_epoch_number_gives_its_moment_exactly(moment: datetime, epoch: str, zeros: int) -> None:
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    number = f"{Decimal(microseconds).scaleb(EPOCH_DIGITS[epoch] - 6):f}"
    literal = number + "0" * zeros if "." in number else number

    assert decoded({"type": "timestamp[us, UTC]", "epoch": epoch}, literal.encode()) == moment


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2037, 1, 1))  # noqa: DTZ001 (what a clock shows)
    | st.integers(0, 4 * 3600).map(lambda s: datetime(2024, 3, 31) + timedelta(seconds=s))  # noqa: DTZ001
    | st.integers(0, 4 * 3600).map(lambda s: datetime(2024, 10, 27) + timedelta(seconds=s))  # noqa: DTZ001
)
def test_decode_local_time_takes_what_the_clock_showed_once(shown: datetime) -> None:
    first, second = (
        shown.replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold).astimezone(UTC) for fold in (0, 1)
    )

    got = decoded(
        {"type": "timestamp[us, UTC]", "assume_zone": "Europe/Berlin"}, f'"{shown.isoformat()}"'.encode()
    )

    assert got == (first if first == second else "<unparsable>")


NESTED = a_pipeline(
    {
        "id": "int64!",
        "a": {"b": "string", "c": ["int64"]},
        "l": [{"x": "decimal(9,3)", "y": ["timestamp[us, UTC]"]}],
        "j": "json",
        "b": "binary",
        "d": ["dictionary"],
        "t": {"type": "timestamp[us, UTC]", "epoch": "ms", "assume_zone": "Asia/Tokyo"},
        "o": "time",
    },
    on_mismatch="rescue",
)
SAMPLE = (
    b'{"id":1,"a":{"b":"text \\u00e9 of some length","c":[1,2,3]},'
    b'"l":[{"x":1.5,"y":["2021-07-21T06:00:00Z"]}],"j":{"k":[]},'
    b'"b":"AAECAwQFBgcICQoLDA0ODxA=","d":["x","y","x"],"t":1626847200000.5,"o":"12:30:00.5"}\n'
    b'{"id":2,"new":{"deep":[1,{"er":null}]},"a":{"b":"\xc3\xa9\\ud83d\\ude00","z":1},"l":[{"x":"no","w":[]}],'
    b'"b":"AA\\/=","d":[null],"t":"2021-07-21T06:00:00","o":"12:30:00"}\n'
)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    text = bytearray(SAMPLE)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text) - 1))
        kind = draw(st.sampled_from(["set", "cut", "insert"]))
        if kind == "set":
            text[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del text[at : at + draw(st.integers(1, 20))]
        else:
            text[at:at] = draw(
                st.binary(min_size=1, max_size=4) | st.sampled_from([e.encode() for e in EDGES])
            )
        if not text:
            break
    return bytes(text) + b"\n"


@settings(max_examples=600)
@given(mutations())
def test_conform_any_bytes_conserves_records(text: bytes) -> None:
    lines = [line for line in text.split(b"\n") if line.strip(b" \t\r")]
    for mode in ("rescue", "quarantine"):
        pipeline = NESTED.model_copy(
            update={"contract": NESTED.contract.model_copy(update={"on_mismatch": mode})}
        )
        chunks = (
            Conformer(pipeline, max_nesting=64, positions=True)
            .conform(padded(text), len(text), np.zeros(1, np.int64))
            .chunks
        )
        assert sum(chunk.counts[0, READ] for chunk in chunks) == len(lines)
        for chunk in chunks:
            assert chunk.accepted.height + chunk.counts[0, QUARANTINED] == chunk.counts[0, READ]
            assert all(raw in text for raw in chunk.rejected["raw"])
            for rescued in chunk.accepted["_rescued"].drop_nulls():
                assert is_json(rescued)


@settings(max_examples=600)
@given(mutations() | near_json.map(lambda text: text.encode() + b"\n"))
def test_conform_never_reads_beyond_the_padding(text: bytes) -> None:
    conformer = Conformer(NESTED, max_nesting=64, positions=False)
    guarded = GUARDED.hold(text)
    conformed = conformer.conform(guarded, len(text), np.zeros(1, np.int64))
    assert len(conformed.line_counts) == 1


GUARDED = GuardedPages(2)


@pytest.mark.parametrize(
    "kind",
    ["string", "json", "float64", "decimal(38,10)", "timestamp[us, UTC]", "binary", "dictionary", "time"],
)
def test_decode_of_truncated_values_stays_within_the_record(kind: str) -> None:
    value = {
        "string": b'"abc\\u00e9def"',
        "json": b'{"a":[1]}',
        "float64": b"1.5e10",
        "binary": b'"AAEC\\/wQ="',
        "time": b'"12:30:00.5"',
    }.get(kind, b'"2021-07-21T06:00:00Z"')
    whole = b'{"value":' + value + b"}"
    lines = [whole[:cut] for cut in range(1, len(whole))]
    chunk = conform(a_pipeline({"value": kind}), lines)
    assert chunk.accepted.height == 0
    assert chunk.rejected["raw"].to_list() == lines


@given(
    st.lists(
        st.none()
        | st.text("ab", max_size=3)
        | st.text('aé\\"', max_size=20)
        | st.builds(
            lambda n, c, m: "x" * n + c + "x" * m,
            st.integers(0, 20),
            st.sampled_from("xyz"),
            st.integers(0, 9),
        ),
        max_size=40,
    ),
    st.sampled_from([2, 4, 4096]),
    st.booleans(),
)
def test_decode_dictionary_is_the_text_of_each_slot_however_many(
    values: list[str | None], most: int, ascii_only: bool
) -> None:
    lines = [json.dumps({"value": value}, ensure_ascii=ascii_only).encode() for value in values]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transforms.decode.values.MOST_DISTINCT", most)
        frame = conform(a_pipeline({"value": "dictionary"}), lines or [b"{}"]).accepted

    assert frame["value"].cast(str).to_list() == (values or [None])

"""The decoder takes exactly the documents that an independent strict parser (orjson) takes.

Documents are generated near the edges of the grammar: valid ones, and those with a token or a byte changed.
Where the two are meant to differ, a predicate below says exactly where.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.decoding import a_pipeline, padded
from transforms.conform import Conformer

MAX_NESTING = 6
CONTRACT = {"value": "json", "s": {"a": "int64", "l": ["string"], "m": [{"t": "date"}]}, "n": "float64"}
CONFORMER = Conformer(
    a_pipeline(CONTRACT, on_mismatch="rescue", on_new_column="rescue"),
    max_nesting=MAX_NESTING,
    positions=True,
)
GRAMMAR_REASONS = {"malformed_json", "invalid_utf8"}

LITERALS = [
    "null",
    "true",
    "false",
    "nul",
    "True",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "nullx",
    "tru",
]
NUMBERS = [
    *("0", "-0", "1", "-1", "0.0", "1.5", "1e5", "1E+5", "1e-5", "-0.0e-0", "9223372036854775808", "1e400"),
    *("-1e400", "1e-400", "9" * 400, "0." + "0" * 400 + "1", "-", "+1", "1.", ".5", "-.5", "01", "-01", "00"),
    *(
        "1e",
        "1e+",
        "1E-",
        "1.e5",
        "1.5.5",
        "1e5.5",
        "0x10",
        "1_000",
        "0e",
        "1 2",
        "--1",
        "- 1",
        "1e99999",
        "٣",
    ),
]
STRINGS = [
    *('""', '"a"', '"é"', '"😀"', '"\u2028"', '"\u2029"', '"\x7f"', '"\x80"', '"\ufeff"', '"\U0010ffff"'),
    *('"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\ud83d\\u0041"'),
    *('"\\ud83dx"', '"\\ud83d\\n"', '"\\ud83d\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\\uDBFF\\uDFFF"'),
    *(
        '"\\u0000"',
        '"\\""',
        '"\\\\"',
        '"\\/"',
        '"\\b\\f\\n\\r\\t"',
        '"\\u00e"',
        '"\\u00g0"',
        '"\\x41"',
        '"\\a"',
    ),
    *('"\\U00e9"', '"\\\'"', "'a'", '"', '"a', 'a"', '"\\"', '"\\', '"\x00"', '"\x1f"', '"\t"', '"a"b"', "a"),
    *('"2021-07-21"', '"' + "x" * 33 + '\\u00e9"', '"' + "é" * 20 + '"', '"' + "x" * 15 + '\x1f"'),
]
BROKEN_UTF8 = [
    *(
        b"\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xc3",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
    ),
    *(
        b"\xe2\x80",
        b"\xf0\x80\x80\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
    ),
    *(b"\xfe\xff", b"\xf0\x9f\x98", b"\xef\xbb\xbf"),
]
STRUCTURE = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "{}",
    "[]",
    "[,]",
    "{,}",
    ",,",
    "/**/",
    "//",
    "#",
    ";",
    "\x00",
    "\x1a",
]
SPACE = ["", " ", "\t", "\r", " \r\t ", "\x0b", "\x0c", "\u00a0", "\u2028", "\ufeff", "\x85", "\x00"]
KEYS = ["value", "s", "a", "l", "m", "t", "n", "x", "", "a.b", "\\u0076alue", "v\\u0061lue", "é", "\\ud800"]

Tokens = list[bytes]
scalars = st.sampled_from(
    [*LITERALS[:3], *NUMBERS[:16], *(text for text in STRINGS[:24] if '\\u00e"' not in text)]
).map(lambda text: [text.encode()])
broken = st.sampled_from(
    [text.encode() for text in [*LITERALS, *NUMBERS, *STRINGS, *STRUCTURE, *SPACE]]
    + [b'"' + text + b'"' for text in BROKEN_UTF8]
    + BROKEN_UTF8
    + [b'"%s":1' % key.encode() for key in KEYS]
)
spaces = st.lists(st.sampled_from([b"", b"", b"", b" ", b"\t", b"\r", b" \t\r"]), min_size=3, max_size=3)


def _joined(parts: list[Tokens], opening: bytes, closing: bytes, space: list[bytes]) -> Tokens:
    inner = [token for part in parts for token in (b",", space[1], *part)][1:]
    return [space[0], opening, *inner, space[2], closing]


def _containers(inner: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    members = st.tuples(st.sampled_from(KEYS), inner).map(
        lambda pair: [b'"' + pair[0].encode() + b'"', b":", *pair[1]]
    )
    return st.builds(_joined, st.lists(inner, max_size=3), st.just(b"["), st.just(b"]"), spaces) | st.builds(
        _joined, st.lists(members, max_size=4), st.just(b"{"), st.just(b"}"), spaces
    )


values = st.recursive(scalars, _containers, max_leaves=8)
towers = st.tuples(
    st.integers(MAX_NESTING - 2, MAX_NESTING + 2), st.sampled_from([(b"[", b"]"), (b'{"x":', b"}")])
).map(lambda pair: [pair[1][0]] * pair[0] + [b"1"] + [pair[1][1]] * pair[0])
members = st.tuples(st.sampled_from(KEYS[:8]), values | towers).map(
    lambda pair: [b'"' + pair[0].encode() + b'"', b":", *pair[1]]
)
documents = st.builds(_joined, st.lists(members, max_size=4), st.just(b"{"), st.just(b"}"), spaces) | values


@st.composite
def near_documents(draw: st.DrawFn) -> bytes:
    """A document in which at most one token or one byte is not as it was."""
    tokens = draw(documents)
    at = draw(st.integers(0, len(tokens)))
    match draw(st.sampled_from(["nothing", "insert", "replace", "remove", "double", "byte", "cut"])):
        case "insert":
            tokens = [*tokens[:at], draw(broken), *tokens[at:]]
        case "replace":
            tokens = [*tokens[:at], draw(broken), *tokens[at + 1 :]]
        case "remove":
            tokens = [*tokens[:at], *tokens[at + 1 :]]
        case "double":
            tokens = [*tokens[:at], *tokens[max(0, at - 1) :]]
        case "byte" if text := b"".join(tokens):
            place = draw(st.integers(0, len(text) - 1))
            return text[:place] + bytes([draw(st.integers(0, 255))]) + text[place + 1 :]
        case "cut":
            return b"".join(tokens)[: draw(st.integers(0, 60))]
    return b"".join(tokens)


_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.S
)
_STRING_OR_NUMBER = re.compile(rb'"(?:\\.|[^"\\])*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.S)


def without_lone_surrogates(text: bytes) -> bytes:
    """Half a surrogate pair, written as an escape, is within the grammar: kept as it came, or a mismatch."""
    return _ESCAPE.sub(
        lambda found: rb"\ufffd" if re.fullmatch(rb"\\u[dD][89a-fA-F]..", found[0]) else found[0], text
    )


def without_huge_numbers(text: bytes) -> bytes:
    """A number beyond a double is within the grammar: kept as it came, or a mismatch."""

    def tamed(found: re.Match[bytes]) -> bytes:
        token = found[0]
        is_huge = (
            token[:1] != b'"' and not re.match(rb"-?0[0-9]", token) and abs(float(token)) == float("inf")
        )
        return b"-1e5" if is_huge and token.startswith(b"-") else b"1e5" if is_huge else token

    return _STRING_OR_NUMBER.sub(tamed, text)


class Members(list[tuple[str, Any]]):
    """An object with every member that it has, those of one name included."""


def is_document(text: bytes) -> bool:
    """Whether the independent parser takes the text, apart from the two differences above."""
    try:
        orjson.loads(without_huge_numbers(without_lone_surrogates(text)))
    except orjson.JSONDecodeError:
        return False
    return True


def has_double(value: Any, contract: Any) -> bool:
    """A column or field of the contract is there twice: neither of the two may be dropped."""
    if isinstance(value, Members) and isinstance(contract, dict):
        names = [name for name, _ in value if name in contract]
        return len(names) > len(set(names)) or any(has_double(one, contract.get(name)) for name, one in value)
    if isinstance(value, list) and not isinstance(value, Members) and isinstance(contract, list):
        return any(has_double(one, contract[0]) for one in value)
    return False


def beyond_contract(value: Any, contract: Any) -> Iterator[Any]:
    """The values that the contract does not describe any further: nesting is counted within each."""
    if isinstance(value, Members) and isinstance(contract, dict):
        for name, one in value:
            yield from beyond_contract(one, contract.get(name))
    elif isinstance(value, list) and not isinstance(value, Members) and isinstance(contract, list):
        for one in value:
            yield from beyond_contract(one, contract[0])
    else:
        yield value


def depth(value: Any) -> int:
    """How many brackets are open at the innermost place."""
    if isinstance(value, Members):
        return 1 + max((depth(one) for _, one in value), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def is_refused_on_purpose(text: bytes) -> bool:
    """Documents that are no record: not an object, a column twice, nested too deep."""
    value = json.loads(text.decode(), object_pairs_hook=Members)
    return (
        not isinstance(value, Members)
        or has_double(value, CONTRACT)
        or any(depth(one) > MAX_NESTING for one in beyond_contract(value, CONTRACT))
    )


def conformed(lines: Sequence[bytes]) -> tuple[set[int], dict[int, str]]:
    """The numbers of the lines that are accepted, and the reasons of those that are refused."""
    text = b"".join(line + b"\n" for line in lines)
    if not text:
        return set(), {}
    (chunk,) = CONFORMER.conform(padded(text), len(text), np.zeros(1, np.int64)).chunks
    refused = zip(chunk.rejected["_line"], chunk.rejected["reason"], strict=True)
    return set(chunk.accepted["_line"]), dict(refused)


def check(*texts: bytes) -> None:
    """The two parsers agree on each text as a line of its own; a blank line is no record."""
    lines = [text.replace(b"\n", b" ") for text in texts]
    lines = [line for line in lines if line.strip(b" \t\r")]
    accepted, refused = conformed(lines)
    assert len(accepted) + len(refused) == len(lines)
    for number, line in enumerate(lines):
        well_formed = is_document(line)
        assert (number in accepted) == (well_formed and not is_refused_on_purpose(line)), line
        assert not (well_formed and refused.get(number) in GRAMMAR_REASONS), line


@settings(max_examples=1000)
@given(near_documents())
def test_decode_takes_a_document_exactly_where_a_strict_parser_does(text: bytes) -> None:
    check(text)


@pytest.mark.parametrize("key", [b"value", b"x", b"n"])
def test_decode_takes_every_edge_exactly_where_a_strict_parser_does(key: bytes) -> None:
    edges = [text.encode() for text in [*LITERALS, *NUMBERS, *STRINGS, *STRUCTURE]]
    for before in (b"", b"x" * 14):  # strings are scanned sixteen bytes at a time
        edges += [b'"' + before + text + b'"' for text in BROKEN_UTF8]
    for shape in (b'{"%s":%s}', b'{"%s":[%s,1]}'):
        check(*(shape % (key, edge) for edge in edges))
    check(*edges)


def test_decode_takes_white_space_exactly_where_a_strict_parser_does() -> None:
    tokens = [
        "{",
        '"s"',
        ":",
        "{",
        '"l"',
        ":",
        "[",
        '"a"',
        ",",
        '"b"',
        "]",
        "}",
        ",",
        '"x"',
        ":",
        "[",
        "{}",
        "]",
        "}",
    ]
    for space in [*SPACE, "\ufffe", "\x01", "\x1f"]:
        check(*("".join([*tokens[:at], space, *tokens[at:]]).encode() for at in range(len(tokens) + 1)))


def test_decode_takes_every_byte_at_every_place_exactly_where_a_strict_parser_does() -> None:
    sample = b'{"s":{"a":1},"x":["\xc3\xa9\\n",-1.5e3,true]}'
    for at in range(len(sample)):
        check(*(sample[:at] + bytes([byte]) + sample[at + 1 :] for byte in range(256)))


def test_decode_takes_values_nested_up_to_the_limit_and_none_deeper() -> None:
    for name in (b"value", b"x"):
        towers = [
            b'{"%s":%s1%s}' % (name, b"[" * levels, b"]" * levels) for levels in range(1, MAX_NESTING + 3)
        ]
        accepted, refused = conformed(towers)
        assert accepted == set(range(MAX_NESTING))
        assert set(refused.values()) == {"too_deep"}
        check(*towers)

"""The decoder takes exactly the documents that an independent strict parser (orjson) takes.

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

from config.text_form import TextForm
from tests.transforms.decoding import a_pipeline, padded
from tests.transforms.near_json import (
    BROKEN_UTF8,
    LITERALS,
    MAX_NESTING,
    NUMBERS,
    SPACE,
    STRINGS,
    STRUCTURE,
    near_documents,
)
from tests.transforms.text_framing import document, read_text
from transforms.conform import Conformer

CONTRACT = {"value": "json", "s": {"a": "int64", "l": ["string"], "m": [{"t": "date"}]}, "n": "float64"}
CONFORMER = Conformer(
    a_pipeline(CONTRACT, on_mismatch="rescue", on_new_column="rescue"),
    max_nesting=MAX_NESTING,
    positions=True,
)
GRAMMAR_REASONS = {"malformed_json", "invalid_utf8"}

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
    return _is_no_record(json.loads(text.decode(), object_pairs_hook=Members))


def _is_no_record(value: Any) -> bool:
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
    tokens = ["{", '"s"', ":", "{", '"l"', ":", "[", '"a"', ",", '"b"', "]", "}", ",", '"x"', ":", "[]", "}"]
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


def document_reasons(text: bytes) -> set[str]:
    """Why anything of a file that is declared to be a document is refused, or set aside."""
    found = read_text(text, document)
    elements = b",\n".join(found.texts) + b"]\n"
    starts = np.zeros(1, np.int64)
    chunks = CONFORMER.conform(padded(elements), len(elements), starts, TextForm("json")).chunks
    reasons = {reason for chunk in chunks for reason in chunk.rejected["reason"]}
    return reasons | {damage.reason for damage in found.damages}


def has_element_refused_on_purpose(text: bytes) -> bool:
    """Whether an array holds a document that is no record."""
    elements = json.loads(text.decode(), object_pairs_hook=Members)
    return any(_is_no_record(element) for element in elements)


newlines = st.lists(st.sampled_from([b"", b"\n", b" \r\n", b"\n\t"]), min_size=3, max_size=3)


@settings(max_examples=500)
@given(st.lists(near_documents(), max_size=3), newlines)
def test_read_takes_an_array_exactly_where_a_strict_parser_does(
    elements: list[bytes], space: list[bytes]
) -> None:
    text = b"[" + space[0] + (space[1] + b"," + space[2]).join(elements) + b"]"

    reasons, well_formed = document_reasons(text), is_document(text)

    assert (not reasons) == (well_formed and not has_element_refused_on_purpose(text)), text
    assert not (well_formed and reasons & {*GRAMMAR_REASONS, "corrupt_document", "truncated_file"}), text

"""Documents of JSON: their elements, however they are cut; what is no document; decoded as lines are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.text_form import TextForm
from tests.transforms.decoding import a_pipeline, conform, padded
from tests.transforms.guarded_pages import GuardedPages
from tests.transforms.text_framing import document, document_or_lines, read_text, read_texts
from transforms.conform import Chunk, Conformer
from transforms.decode.framing import DocumentFraming

space = st.text(" \t\r\n", max_size=3)
texts = st.text(max_size=8) | st.sampled_from(['"', "\\", '\\"', "[", "}", "]},{", "\u2028", "é" * 40])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
block_sizes = st.integers(16, 200) | st.just(1 << 16)


def dumped(value: Any, draw: st.DataObject) -> str:
    return json.dumps(
        value,
        indent=draw.draw(st.sampled_from([None, 1])),
        ensure_ascii=draw.draw(st.booleans()),
    )


@settings(max_examples=200)
@given(st.lists(values, max_size=8), st.data(), block_sizes)
def test_read_document_of_any_values_gives_the_text_of_each(
    elements: list[Any], draw: st.DataObject, block_bytes: int
) -> None:
    written = [dumped(element, draw) for element in elements]
    padded_texts = [f"{draw.draw(space)}{text}{draw.draw(space)}" for text in written]
    text = f"{draw.draw(space)}[{draw.draw(space) if not written else ''}{','.join(padded_texts)}]"

    found = read_text(text.encode(), document, block_bytes=block_bytes)

    assert found.damages == []
    assert found.texts == [one.encode() for one in written]
    assert all(text.encode()[offset:].startswith(one) for offset, one in found.records)


@settings(max_examples=100)
@given(st.lists(st.dictionaries(texts, values, max_size=4), max_size=6), st.data(), block_sizes)
def test_read_objects_one_after_the_other_gives_each(
    objects: list[Any], draw: st.DataObject, block_bytes: int
) -> None:
    written = [dumped(one, draw) for one in objects]
    text = "".join(draw.draw(space) + one for one in written)

    found = read_text(text.encode(), document, block_bytes=block_bytes)

    assert found.damages == []
    assert found.texts == [one.encode() for one in written]


pieces = st.lists(
    st.sampled_from(
        [b"[", b"]", b"{", b"}", b'"', b",", b":", b"1", b"x", b"\\", b" ", b"\n", b'{"a":1}', b"\xff"]
    )
    | st.just(b"y" * 70),
    max_size=30,
).map(b"".join)


@settings(max_examples=400)
@given(pieces, st.integers(16, 100))
@example(b'[{"a":1},', 16)
@example(b'[{"a":1}{"a":2}]', 16)
def test_read_of_any_bytes_does_not_depend_on_the_blocks_and_accounts_for_all(
    text: bytes, block_bytes: int
) -> None:
    whole = read_text(text, document)
    cut = read_text(text, document, block_bytes=block_bytes)

    assert (cut.records, cut.damages) == (whole.records, whole.damages)
    assert len(whole.damages) <= 1
    spans = whole.records + [(damage.offset, damage.data) for damage in whole.damages]
    left = bytearray(text)
    for offset, span in reversed(spans):
        assert left[offset : offset + len(span)] == span
        del left[offset : offset + len(span)]
    assert not left.strip(b" \t\r\n,[]")


@settings(max_examples=400)
@given(pieces.map(lambda inner: b"[" + inner + b"]"))
@example(b"[]")
@example(b"[1 2]")
def test_read_of_a_document_that_a_parser_takes_gives_what_it_gives(text: bytes) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        return
    if not isinstance(wanted, list):
        return

    found = read_text(text, document)

    assert found.damages == []
    assert [json.loads(one) for one in found.texts] == wanted


@pytest.mark.parametrize(
    ("text", "kept", "reason", "rest"),
    [
        (b"[1 2]", [b"1"], "corrupt_document", b"2]"),
        (b'[{"a":1}{"a":2}]', [b'{"a":1}'], "corrupt_document", b'{"a":2}]'),
        (b"[,]", [], "corrupt_document", b",]"),
        (b"[1,]", [b"1"], "corrupt_document", b"]"),
        (b"[1,,2]", [b"1"], "corrupt_document", b",2]"),
        (b"[1] x", [b"1"], "corrupt_document", b"x"),
        (b"[1][2]", [b"1"], "corrupt_document", b"[2]"),
        (b"[1}", [b"1"], "corrupt_document", b"}"),
        (b"[", [], "truncated_file", b""),
        (b"[1, ", [b"1"], "truncated_file", b""),
        (b"[1, 2", [b"1"], "truncated_file", b"2"),
        (b'[{"a":1},{"a', [b'{"a":1}'], "truncated_file", b'{"a'),
        (b'{"a":1} {"a":', [b'{"a":1}'], "truncated_file", b'{"a":'),
        (b'{"a":1},{"a":2}', [b'{"a":1}'], "corrupt_document", b',{"a":2}'),
        (b"]", [], "corrupt_document", b"]"),
    ],
)
@pytest.mark.parametrize("block_bytes", [16, 1 << 16])
def test_read_of_what_is_no_document_keeps_what_came_before(
    text: bytes, kept: list[bytes], reason: str, rest: bytes, block_bytes: int
) -> None:
    found = read_text(text, document, block_bytes=block_bytes)

    assert found.texts == kept
    assert [(one.reason, one.offset, one.data) for one in found.damages] == [
        (reason, len(text) - len(rest), rest)
    ]


@pytest.mark.parametrize("text", [b"", b" \n", b"[]", b" [ ] \n", b"\xef\xbb\xbf[]", b"\xef\xbb\xbf"])
def test_read_of_a_document_without_elements_gives_nothing(text: bytes) -> None:
    found = read_text(text, document)

    assert (found.records, found.damages) == ([], [])


def test_read_by_suffix_takes_an_array_or_lines() -> None:
    lines, array, blank = read_texts(
        [b'\n {"a":1}\n{"a":\n2}', b'\xef\xbb\xbf \n[{"a":\n1}]', b" \n"], document_or_lines
    )

    assert lines.texts == [b' {"a":1}', b'{"a":', b"2}"]
    assert array.texts == [b'{"a":\n1}']
    assert array.records[0][0] == 6
    assert (blank.records, blank.damages) == ([], [])


def test_read_of_a_file_of_blank_lines_longer_than_a_record_takes_it_for_lines() -> None:
    found = read_text(b"\n" * 500 + b"[1]\n", document_or_lines, block_bytes=16, max_record_bytes=64)

    assert (found.texts, found.damages) == ([b"[1]"], [])


def test_read_of_a_document_with_an_element_that_is_too_long_passes_over_it() -> None:
    long = b'{"a":"' + b"],[" * 200 + b'"}'
    text = b"[1, " + long + b" ,2]"

    found = read_text(text, document, block_bytes=64, max_record_bytes=100)

    assert found.texts == [b"1", b"2"]
    assert [(one.reason, one.offset, one.length, one.data) for one in found.damages] == [
        ("record_too_long", 4, len(long), b"")
    ]


def test_read_of_a_document_with_much_space_between_elements_keeps_them() -> None:
    found = read_text(b"[1," + b" " * 5000 + b"2]", document, block_bytes=64, max_record_bytes=100)

    assert (found.texts, found.damages) == ([b"1", b"2"], [])


def test_read_of_a_corrupt_document_with_a_long_rest_counts_it() -> None:
    found = read_text(b"[1] " + b"x," * 5000, document, block_bytes=64, max_record_bytes=100)

    assert found.texts == [b"1"]
    assert [(one.reason, one.length, one.data) for one in found.damages] == [
        ("corrupt_document", 10_000, b"")
    ]


def test_read_of_deep_nesting_in_an_element_ends_where_it_ends() -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    found = read_text(b"[" + deep + b',{"a":1}]', document)

    assert found.texts == [deep, b'{"a":1}']


GUARDED = GuardedPages(2)


@settings(max_examples=300)
@given(pieces)
def test_read_never_looks_beyond_its_bytes(text: bytes) -> None:
    framing = DocumentFraming()
    framing.last_end(GUARDED.hold(text, padding=0), 0, len(text))
    framing.first_end(GUARDED.hold(text, padding=0), 0, len(text))

    conformer = Conformer(a_pipeline({"a": "int64", "b": "json"}), max_nesting=64, positions=False)
    block = GUARDED.hold(text + b"\n")
    conformer.conform(block, len(text) + 1, np.zeros(1, np.int64), TextForm("json"))


COLUMNS = {"id": "int64!", "name": "string", "tags": ["string"], "any": "json", "at": {"x": "float64"}}
records = st.fixed_dictionaries(
    {"id": st.integers(-5, 5) | st.none() | st.text(max_size=2)},
    optional={
        "name": values,
        "tags": st.lists(texts, max_size=3),
        "any": values,
        "at": values,
        "new": values,
    },
)


def conformed_document(pipeline: Any, text: bytes, **options: Any) -> Chunk:
    conformer = Conformer(pipeline, max_nesting=64, positions=False, **options)
    (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64), TextForm("json")).chunks
    return chunk


@settings(max_examples=100)
@given(st.lists(records, min_size=1, max_size=8), st.sampled_from(["quarantine", "rescue"]))
def test_conform_of_a_document_gives_what_its_lines_give(rows: list[Any], on_mismatch: str) -> None:
    pipeline = a_pipeline(COLUMNS, on_mismatch=on_mismatch)
    lines = [json.dumps(row).encode() for row in rows]

    of_lines = conform(pipeline, lines)
    of_document = conformed_document(pipeline, b",\n".join(lines) + b"]\n")

    assert of_document.accepted.equals(of_lines.accepted)
    names = ["_line", "reason", "column", "raw"]
    assert (
        of_document.rejected.select(names).sort("_line").equals(of_lines.rejected.select(names).sort("_line"))
    )


@settings(max_examples=100)
@given(st.lists(values, min_size=1, max_size=6))
def test_conform_of_an_element_over_several_lines_takes_it(elements: list[Any]) -> None:
    pipeline = a_pipeline({"any": "json!"})
    text = json.dumps([{"any": [one]} for one in elements], indent=1).encode()[1:]

    chunk = conformed_document(pipeline, text)

    assert chunk.rejected.height == 0
    assert [json.loads(one) for one in chunk.accepted["any"]] == [[one] for one in elements]


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (b'{"id":1,"name":"a\nb"}', "malformed_json"),
        (b'{"id" 1}', "malformed_json"),
        (b'{"id":1]', "malformed_json"),
        (b'{"id":1,}', "malformed_json"),
        (b"nulltrue", "malformed_json"),
        (b"null", "not_an_object"),
        (b'"{}"', "not_an_object"),
        (b"[[1]]", "not_an_object"),
        (b'{"id":1,"name":"\xff"}', "invalid_utf8"),
        (b'{"new":' + b"[" * 65 + b"]" * 65 + b"}", "too_deep"),
    ],
)
def test_conform_of_a_bad_element_refuses_that_one_verbatim(element: bytes, reason: str) -> None:
    chunk = conformed_document(a_pipeline(COLUMNS), b'{"id":1}, ' + element + b',\n{"id":2}\n]\n')

    assert chunk.accepted["id"].to_list() == [1, 2]
    assert chunk.rejected.select("_line", "offset", "reason", "raw").rows() == [(1, 10, reason, element)]

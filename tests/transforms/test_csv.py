"""CSV: its records, however they are cut, held against Python's writer and a simple reader."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.text_form import TextForm
from tests.transforms.csv_tables import conform_csv, written
from tests.transforms.decoding import a_pipeline
from tests.transforms.guarded_pages import GuardedPages
from tests.transforms.text_framing import cells, read_text, read_texts
from transforms.conform import Conformer
from transforms.decode.framing import CellFraming

SURROGATES = set(map(chr, range(0xD800, 0xE000)))
block_sizes = st.integers(16, 150) | st.just(1 << 16)
texts = st.text(max_size=10) | st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", "a,b", "é" * 40, "x" * 70, "\\"]
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(max_examples=300)
@given(
    tables,
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", "\t", ";", "|"]),
    st.sampled_from(['"', "'"]),
)
def test_conform_of_any_table_gives_what_a_writer_wrote(
    rows: list[list[str]], quoting: Any, ending: str, delimiter: str, quote: str
) -> None:
    names = [f"c{i}" for i in range(len(rows[0]))]
    options: dict[str, Any] = {"delimiter": delimiter, "quotechar": quote}
    if quoting == csv.QUOTE_MINIMAL:  # quotes a carriage return only where it is part of the line ending
        ending = "\r\n"
    text = written(rows, quoting=quoting, lineterminator=ending, **options)
    is_text = [not set("".join(row)) & SURROGATES for row in rows]
    pipeline = a_pipeline(dict.fromkeys(names, "string"), source={"uri": "x.csv", "csv": {"nulls": []}})

    chunk = conform_csv(pipeline, text, delimiter.join(names).encode(), delimiter=delimiter, quote=quote)

    kept = [row for row, fits in zip(rows, is_text, strict=True) if fits]
    assert chunk.accepted.select(names).rows() == [tuple(row) for row in kept]
    assert chunk.rejected.height == len(rows) - len(kept)


pieces = st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r\n", b"\r", b'""', b"a", b"bc,d", b"\xc3\xa9", b"\xff"])
    | st.just(b"y" * 70),
    max_size=30,
).map(b"".join)


def reference(text: bytes) -> tuple[list[tuple[int, bytes]], list[list[bytes] | None]]:
    """Records with their offsets, and their cells, None where they are malformed; a byte at a time."""
    records, begin, quoted, behind, at_cell = [], 0, False, False, True
    for at in range(len(text)):
        byte = text[at : at + 1]
        if quoted:
            quoted, behind = byte != b'"', byte == b'"'
            at_cell = False
            continue
        if byte == b'"' and (at_cell or behind):
            quoted, behind = True, False
            continue
        behind, at_cell = False, byte in b",\n"
        if byte == b"\n":
            records.append((begin, text[begin:at]))
            begin = at + 1
    records.append((begin, text[begin:].removesuffix(b"\n")))
    kept = [(offset, stripped) for offset, one in records if (stripped := one.removesuffix(b"\r"))]
    return kept, [cells_of(one) for _, one in kept]


def cells_of(record: bytes) -> list[bytes] | None:
    found, at = [], 0
    while True:
        if record[at : at + 1] == b'"':
            end = at + 1
            while record[end : end + 1] and record[end : end + 2] != b'"' + record[end + 1 : end + 2].replace(
                b'"', b""
            ):
                end += 2 if record[end : end + 2] == b'""' else 1
            if record[end : end + 1] != b'"':
                return None
            found.append(record[at + 1 : end].replace(b'""', b'"'))
            at = end + 1
        else:
            end = record.find(b",", at)
            end = len(record) if end < 0 else end
            if set(record[at:end]) & set(b'"\r'):
                return None
            found.append(record[at:end])
            at = end
        if at >= len(record):
            return found
        if record[at : at + 1] != b",":
            return None
        at += 1


@settings(max_examples=500)
@given(pieces, block_sizes)
@example(b'"a""b"\n"a"b"\nc"d\n"\n', 16)
@example(b'a,"' + b"y" * 70 + b'"\nb\n', 16)
def test_read_of_any_bytes_gives_the_records_of_a_simple_reader(text: bytes, block_bytes: int) -> None:
    wanted, _ = reference(text)

    found = read_text(text, cells(header=False), block_bytes=block_bytes)

    assert found.records == wanted
    assert found.damages == []


@settings(max_examples=500)
@given(pieces)
@example(b'"a""b"\n"a"b,\nc"d\n"\n')
def test_conform_of_any_bytes_judges_as_a_simple_reader(text: bytes) -> None:
    pipeline = a_pipeline({"a": "string", "b": "string"}, source={"uri": "x.csv", "csv": {"nulls": []}})
    records, wanted = reference(text)
    if not records:
        return
    text += b"" if text.endswith(b"\n") else b"\n"

    chunk = conform_csv(pipeline, text, None)

    fits = [one is not None and len(one) == 2 and b"\xff" not in b"".join(one) for one in wanted]
    assert [tuple(one.encode() for one in row) for row in chunk.accepted.select("a", "b").rows()] == [
        tuple(one) for one, good in zip(wanted, fits, strict=True) if good and one
    ]
    assert chunk.rejected.sort("offset").select("offset", "raw").rows() == [
        record for record, good in zip(records, fits, strict=True) if not good
    ]
    assert set(chunk.rejected["reason"]) <= {"malformed_csv", "invalid_utf8"}


@settings(max_examples=60)
@given(tables, block_sizes, st.booleans())
def test_read_of_a_table_with_a_header_takes_the_header_out(
    rows: list[list[str]], block_bytes: int, mark: bool
) -> None:
    rows = [[one.encode("utf-8", "replace").decode() for one in row] for row in rows]
    head = written([["a", 'x "y"', "\n"]])
    text = b"\xef\xbb\xbf" * mark + b"\r\n\n" + head + written(rows, quoting=csv.QUOTE_ALL)

    found = read_text(text, cells(), block_bytes=block_bytes)

    assert found.texts == [written([row], quoting=csv.QUOTE_ALL)[:-2] for row in rows]
    assert all(text[offset:].startswith(one) for offset, one in found.records)
    assert [form.header for form in found.forms] == [head[:-2]]


def test_read_whose_first_piece_is_the_header_alone_goes_on() -> None:
    head = b"a," + b"x" * 61 + b"\n"

    found = read_text(head + b"1,2\n", cells(), block_bytes=len(head))

    assert found.texts == [b"1,2"]
    assert [form.header for form in found.forms] == [head[:-1]]


GUARDED = GuardedPages(2)


@settings(max_examples=300)
@given(pieces, st.sampled_from(["string", "int64", "json", "bool", "dictionary"]))
def test_read_and_conform_never_look_beyond_their_bytes(text: bytes, kind: str) -> None:
    framing = CellFraming(TextForm("csv"))
    framing.last_end(GUARDED.hold(text, padding=0), 0, len(text))
    framing.first_end(GUARDED.hold(text, padding=0), 0, len(text))

    conformer = Conformer(a_pipeline({"a": kind, "b": kind}), max_nesting=64, positions=False)
    block = GUARDED.hold(text + b"\n")
    conformer.conform(block, len(text) + 1, np.zeros(1, np.int64), TextForm("csv"))


def test_read_of_files_with_one_header_shares_blocks_and_with_others_does_not() -> None:
    found = read_texts([b"a,b\n1,2\n", b"a,b\r\n3,4", b"b,a\n5,6\n", b"a,b\n", b"", b"b,a\n7,8"], cells())

    assert [one.texts for one in found] == [[b"1,2"], [b"3,4"], [b"5,6"], [], [], [b"7,8"]]
    assert [[form.header for form in one.forms] for one in found] == [
        [b"a,b"], [b"a,b"], [b"b,a"], [], [], [b"b,a"]
    ]  # fmt: skip
    assert all(not one.damages for one in found)


@pytest.mark.parametrize(
    "header", [b"a,a", b"a,,", b'"a', b'"a"b,c', b"a\rb", b"a\xff", b"a,a," + b"a" * 500]
)
def test_read_with_a_header_that_is_none_sets_the_file_aside(header: bytes) -> None:
    text = header + b"\n1,2\n3,4\n"

    before, found, after = read_texts([b"a\n1\n", text, b"a\n2\n"], cells(), block_bytes=64)

    assert (before.texts, after.texts) == ([b"1"], [b"2"])
    assert found.records == []
    assert [(one.reason, one.offset, one.data) for one in found.damages] == [("bad_header", 0, text)]


def test_read_with_a_header_longer_than_a_record_sets_the_file_aside() -> None:
    text = b"a," + b"x" * 500 + b"\n1,2\n"

    found = read_text(text, cells(), block_bytes=16, max_record_bytes=100)

    assert found.records == []
    assert [(one.reason, one.length, one.data) for one in found.damages] == [("bad_header", len(text), b"")]


def test_read_passes_over_a_record_that_is_too_long() -> None:
    long = b'"' + b"x\n" * 300 + b'"'

    found = read_text(b"a\n1\n" + long + b"\n2\n", cells(), block_bytes=64, max_record_bytes=100)

    assert found.texts == [b"1", b"2"]
    assert [(one.reason, one.offset, one.length) for one in found.damages] == [
        ("record_too_long", 4, len(long))
    ]


def test_read_with_a_quote_that_nobody_closes_makes_the_rest_one_record() -> None:
    found = read_text(b'a\n1\n"2\n3\n4\n', cells(), block_bytes=16)
    bounded = read_text(b'a\n1\n"2\n' + b"3\n" * 99, cells(), block_bytes=16, max_record_bytes=50)

    assert found.texts == [b"1", b'"2\n3\n4']
    assert bounded.texts == [b"1"]
    assert [one.reason for one in bounded.damages] == ["record_too_long"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "latin-1"])
@given(rows=st.lists(st.text('aé,"\n ', min_size=1), min_size=1, max_size=300), size=st.integers(16, 90))
@settings(max_examples=30)
def test_read_in_another_encoding_gives_the_same_records(encoding: str, rows: list[str], size: int) -> None:
    rows = [one.replace("é", "ア") if encoding == "shift_jis" else one for one in rows]
    text = written([["a"], *([one] for one in rows)], quoting=csv.QUOTE_ALL)

    found = read_text(text.decode().encode(encoding), cells(), encoding=encoding, block_bytes=size)

    assert found.texts == read_text(text, cells()).texts

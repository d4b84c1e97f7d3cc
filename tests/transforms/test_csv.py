"""CSV: its records, however they are cut; what its cells become, held against Python's reader and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.pipeline import Pipeline
from config.text_form import TextForm
from tests.transforms.decoding import a_pipeline, conform, padded
from tests.transforms.guarded_pages import GuardedPages
from tests.transforms.text_framing import cells, read_text, read_texts
from transforms.conform import Chunk, Conformer
from transforms.decode.framing import CellFraming
from transforms.errors import RecordRefusedError

SURROGATES = set(map(chr, range(0xD800, 0xE000)))
block_sizes = st.integers(16, 150) | st.just(1 << 16)
texts = st.text(max_size=10) | st.sampled_from(
    ['"', '""', ",", "\n", "\r\n", "\r", "a,b", "é" * 40, "x" * 70, "\\"]
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=8)
)


def written(rows: Sequence[Sequence[Any]], **options: Any) -> bytes:
    """As Python's writer has it."""
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def conform_csv(
    pipeline: Pipeline, text: bytes, header: bytes | None, *, delimiter: str = ",", quote: str = '"'
) -> Chunk:
    """The records of a text without its header, as one block with one part."""
    form = TextForm("csv", delimiter, quote, header)
    conformer = Conformer(pipeline, max_nesting=64, positions=False)
    (chunk,) = conformer.conform(padded(text), len(text), np.zeros(1, np.int64), form).chunks
    return chunk


def cell(kind: Any, text: bytes, **options: Any) -> Any:
    """One cell under a column type, beside another; a refused one gives its reason as text in brackets."""
    pipeline = a_pipeline({"value": kind, "n": "int64"}, **options)
    chunk = conform_csv(pipeline, text + b",1\n", b"value,n")
    if chunk.rejected.height:
        return f"<{chunk.rejected['reason'][0]}>"
    return chunk.accepted["value"].to_list()[0]


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


COLUMNS = {"id": "int64!", "n": "float64", "name": "string", "ok": "bool", "day": "date", "any": "json"}
values = {
    "id": st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False),
    "n": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "name": st.text(min_size=1),
    "ok": st.booleans(),
    "day": st.dates().map(str) | st.text(min_size=1),
    "any": st.booleans()
    | st.none()
    | st.integers()
    | st.lists(st.integers() | st.text())
    | st.dictionaries(st.text(), st.text()),
}
records = st.fixed_dictionaries({"id": values["id"]}, optional={k: v for k, v in values.items() if k != "id"})


def as_cell(row: Mapping[str, Any], name: str) -> str:
    """A value between quotes; nothing at all where there is none."""
    if name not in row:
        return ""
    is_text = isinstance(row[name], str) and name != "any"
    text = row[name] if is_text else json.dumps(row[name], ensure_ascii=False)
    return '"' + text.replace('"', '""') + '"'


@settings(max_examples=150)
@given(st.lists(records, min_size=1, max_size=6), st.sampled_from(["quarantine", "rescue"]))
def test_conform_of_cells_gives_what_json_gives(rows: list[Mapping[str, Any]], on_mismatch: str) -> None:
    pipeline = a_pipeline(COLUMNS, on_mismatch=on_mismatch)
    lines = [json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") for row in rows]
    text = "".join(",".join(as_cell(row, name) for name in COLUMNS) + "\n" for row in rows)

    of_lines = conform(pipeline, lines)
    of_cells = conform_csv(pipeline, text.encode("utf-8", "surrogatepass"), ",".join(COLUMNS).encode())

    assert of_cells.accepted.drop("_rescued").equals(of_lines.accepted.drop("_rescued"))
    assert [json.loads(one or "{}") for one in of_cells.accepted["_rescued"]] == [
        json.loads(one or "{}") for one in of_lines.accepted["_rescued"]
    ]
    names = ["_line", "reason", "column"]
    assert of_cells.rejected.select(names).sort("_line").equals(of_lines.rejected.select(names).sort("_line"))


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("int64", b"12", 12),
        ("int64", b'"12"', 12),
        ("int64", b"1e3", 1000),
        ("int64", b"", None),
        ("int64", b'""', "<type_mismatch>"),
        ("int64", b" 12", "<type_mismatch>"),
        ("int64", b"+12", "<type_mismatch>"),
        ("int64", b"012", "<type_mismatch>"),
        ("int64", b"1.5", "<type_mismatch>"),
        ("int8", b"300", "<out_of_range>"),
        ("float64", b"1.5", 1.5),
        ("float64", b"NaN", "<type_mismatch>"),
        ("float64", b"true", "<type_mismatch>"),
        ("string", b"12", "12"),
        ("string", b"", None),
        ("string", b'""', ""),
        ("string", b"null", "null"),
        ("string", b" a ", " a "),
        ("string", b"a\\nb", "a\\nb"),
        ("string", b'"a\r\nb"', "a\r\nb"),
        ("string", b'"say ""hi"""', 'say "hi"'),
        ("string", b"\xff", "<invalid_utf8>"),
        ("string", b'"\xc3"', "<invalid_utf8>"),
        ("string", b'a"b', "<malformed_csv>"),
        ("string", b'"a"b', "<malformed_csv>"),
        ("string", b"a\rb", "<malformed_csv>"),
        ("string", b"a,b", "<malformed_csv>"),
        ("bool", b"true", True),
        ("bool", b'"false"', False),
        ("bool", b"True", "<type_mismatch>"),
        ("date", b"2026-01-31", "2026-01-31"),
        ("date", b"20260131", "<unparsable>"),
        ("timestamp[us, UTC]", b"1700000000", "<unparsable>"),
        ({"type": "timestamp[us, UTC]", "epoch": "s"}, b"0", "1970-01-01 00:00:00+00:00"),
        ({"type": "timestamp[us, UTC]", "epoch": "s"}, b"1970-01-01T00:00:00Z", "1970-01-01 00:00:00+00:00"),
        ("binary", b"aGk=", b"hi"),
        ("binary", b"aGk", "<unparsable>"),
        ("dictionary", b'"a""b"', 'a"b'),
        ("time", b"12:30:00.5", "12:30:00.500000"),
        ("decimal(4,2)", b"12.5", "12.50"),
        ("json", b"[1]", "[1]"),
        ("json", b"true", "true"),
        ("json", b"false", "false"),
        ("json", b"1.50", "1.50"),
        ("json", b'"{""a"": ""x""}"', '{"a": "x"}'),
        ("json", b'" {""a"":\r\n 1} "', '{"a":\r\n 1}'),
        ("json", b'"""x"""', '"x"'),
        ("json", b"true", "true"),
        ("json", b"false", "false"),
        ("json", b"null", None),
        ("json", b"nil", "<unparsable>"),
        ("json", b'""', "<unparsable>"),
        ("json", b"1 2", "<unparsable>"),
        ("json", b'"[1]]"', "<unparsable>"),
        ("json", b'"""a\nb"""', "<unparsable>"),
        ("json", b"[" * 65 + b"]" * 65, "<too_deep>"),
    ],
)
def test_conform_reads_a_cell_as_its_column_is(kind: Any, text: bytes, wanted: Any) -> None:
    found = cell(kind, text)

    is_plain = wanted is None or isinstance(found, bytes | bool | int | float | str)
    assert (found if is_plain else str(found)) == wanted


def test_conform_takes_the_declared_nulls_and_booleans() -> None:
    pipeline = a_pipeline(
        {"a": "string", "ok": "bool"},
        source={"uri": "x.csv", "csv": {"nulls": ["", "NULL", "n/a"], "booleans": ["ja", "nein"]}},
    )

    chunk = conform_csv(pipeline, b'NULL,ja\n"NULL",nein\nNULL ,n/a\n,\nn/a,"ja"\nx,true\n', b"a,ok")

    assert chunk.accepted.select("a", "ok").rows() == [
        (None, True), ("NULL", False), ("NULL ", None), (None, None), (None, True)
    ]  # fmt: skip
    assert chunk.rejected.select("reason", "column").rows() == [("type_mismatch", "ok")]


def test_conform_maps_cells_by_the_header_of_the_file() -> None:
    pipeline = a_pipeline({"a": "int64", "b": "string!", "c": "string"})

    chunk = conform_csv(pipeline, b"x,1\n,2\n", b"b,a")

    assert chunk.accepted.select("a", "b", "c").rows() == [(1, "x", None)]
    assert chunk.rejected.select("reason", "column").rows() == [("missing_required", "b")]


@pytest.mark.parametrize("header", [b"x,y", b"A", b" a", b"", b"\x00"])
@pytest.mark.parametrize("options", [{}, {"on_new_column": "fail"}, {"on_mismatch": "rescue"}])
def test_conform_with_a_header_that_names_no_column_refuses_all_records(header: bytes, options: Any) -> None:
    chunk = conform_csv(a_pipeline({"a": "int64"}, **options), b"1,2\n3\n", header)

    assert chunk.accepted.height == 0
    assert chunk.rejected.select("reason", "column", "raw").rows() == [
        ("unknown_header", None, b"1,2"), ("unknown_header", None, b"3")
    ]  # fmt: skip


def test_conform_without_a_header_takes_the_columns_in_order() -> None:
    chunk = conform_csv(a_pipeline({"a": "int64", "b": "string"}), b"1,x\n2\n3,y,z\n", None)

    assert chunk.accepted.select("a", "b").rows() == [(1, "x")]
    assert chunk.rejected["reason"].to_list() == ["malformed_csv", "malformed_csv"]


def test_conform_rescues_what_has_no_column() -> None:
    pipeline = a_pipeline({"a": "int64", "b": "date"}, on_mismatch="rescue")

    chunk = conform_csv(
        pipeline,
        b'1,2026-01-01,"say ""hi""\t\x01\n",7\nx\\y,"no ""day""",,\n99999999999999999999,,u,v\n',
        b'a,b,new,"o\'clock ""x"""',
    )

    assert chunk.accepted.select("a").rows() == [(1,), (None,), (None,)]
    assert [json.loads(one) for one in chunk.accepted["_rescued"]] == [
        {"new": 'say "hi"\t\x01\n', "['o'clock \"x\"']": "7"},
        {"a": "x\\y", "b": 'no "day"'},
        {"new": "u", "['o'clock \"x\"']": "v", "a": 99999999999999999999},
    ]


def test_conform_ignores_what_has_no_column_where_told() -> None:
    chunk = conform_csv(a_pipeline({"a": "int64"}, on_new_column="ignore"), b"1,x\n", b"a,new")

    assert chunk.accepted.rows() == [(1,)]


def test_conform_fails_where_told_at_a_value_without_a_column_and_not_at_null() -> None:
    pipeline = a_pipeline({"a": "int64"}, on_new_column="fail")

    chunk = conform_csv(pipeline, b"1,\n", b"a,new")

    assert chunk.accepted.rows() == [(1,)]
    with pytest.raises(RecordRefusedError):
        conform_csv(pipeline, b"1,x\n", b"a,new")


def test_conform_of_much_to_rescue_finds_room() -> None:
    pipeline = a_pipeline({"a": "int64"})
    long = "\x01" * 100_000

    chunk = conform_csv(pipeline, f'1,"""{long}"\n'.encode() * 3, b"a,new")

    assert [json.loads(one) for one in chunk.accepted["_rescued"]] == [{"new": f'"{long}'}] * 3


def test_conform_refuses_cells_for_structs_and_lists() -> None:
    pipeline = a_pipeline({"a": {"x": "int64!"}, "b": ["int64"], "c": "string"})

    chunk = conform_csv(pipeline, b",,x\n1,,y\n,[1],z\n", b"a,b,c")

    assert chunk.accepted.select("a", "b", "c").rows() == [(None, None, "x")]
    assert chunk.rejected.select("reason", "column").rows() == [
        ("type_mismatch", "a"),
        ("type_mismatch", "b"),
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "latin-1"])
@given(rows=st.lists(st.text('aé,"\n ', min_size=1), min_size=1, max_size=300), size=st.integers(16, 90))
@settings(max_examples=30)
def test_read_in_another_encoding_gives_the_same_records(encoding: str, rows: list[str], size: int) -> None:
    rows = [one.replace("é", "ア") if encoding == "shift_jis" else one for one in rows]
    text = written([["a"], *([one] for one in rows)], quoting=csv.QUOTE_ALL)

    found = read_text(text.decode().encode(encoding), cells(), encoding=encoding, block_bytes=size)

    assert found.texts == read_text(text, cells()).texts


@pytest.mark.parametrize(
    ("encoding", "good", "bad"),
    [
        ("cp1252", b"caf\xe9", b"\x81"),
        ("shift_jis", "ア".encode("shift_jis"), b"\x85\xff"),
        ("ascii", b"a", b"\xc3\xa9"),
        ("utf-16-le", "ア".encode("utf-16-le"), b"\x00\xd8"),
    ],
)
def test_conform_of_bytes_that_are_no_text_in_the_encoding_refuses_their_record(
    encoding: str, good: bytes, bad: bytes
) -> None:
    head, end = "a\n".encode(encoding), "\n".encode(encoding)

    found = read_text(head + good + end + bad + end + good + end, cells(), encoding=encoding)

    pipeline = a_pipeline({"a": "string"})
    chunk = conform_csv(pipeline, b"".join(one + b"\n" for one in found.texts), b"a")
    assert chunk.accepted["a"].to_list() == [good.decode(encoding)] * 2
    assert chunk.rejected["reason"].to_list() == ["invalid_utf8"]

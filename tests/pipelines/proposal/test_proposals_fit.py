"""What `penstock init` proposes takes in every record that it was made from, in every format."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.column_syntax import format_columns
from config.settings import Settings
from config.spec_file import parse_pipeline
from pipelines.errors import ProposalError
from pipelines.proposal.propose import Proposal, propose
from pipelines.proposal.sample import sample_landing
from pipelines.reports.validation import validate
from tests.pipelines.proposal.fitting import Fit, fit
from tests.transforms.decoding import a_pipeline
from transforms.conform import Conformer
from transforms.inference.infer_typed import infer_typed

SETTINGS = Settings(threads=1)

CELLS = st.one_of(
    st.sampled_from(
        ["", "NULL", "NA", "null", "\\N", "-", "NaN", "1", "0", "-7", "1.5", "1e3", "007", "1,5"]
    ),
    st.sampled_from(["true", "false", "True", "False", "yes", "no", "t", "f", "Y", "N"]),
    st.sampled_from(["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 12:00:00", "12:00:00", "1626847200"]),
    st.sampled_from(['{"a": 1}', "[1]", "{", "größe", "a b", "it's", 'say "x"', "a\nb", "a;b|c\td", "€"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3),
)


def landing(folder: Path, **files: bytes) -> str:
    """A landing zone with these files, `__` for a dot."""
    (folder / "landing").mkdir()
    for name, data in files.items():
        (folder / "landing" / name.replace("__", ".")).write_bytes(data)
    return str(folder / "landing")


def fitted(folder: Path, **files: bytes) -> tuple[Proposal, Fit]:
    """Proposes a pipeline for these files, and conforms them: what the sample could read must all go in."""
    uri = landing(folder, **files)
    sample = sample_landing(uri, SETTINGS)
    proposal = propose(uri, sample, name="x", table=str(folder / "lake"))
    assert parse_pipeline(proposal.text, file="x") == proposal.pipeline
    found = fit(proposal.pipeline, SETTINGS)
    if ("bad_header", None) in found.refused:
        return proposal, found
    assert (found.accepted, len(found.refused)) == (sample.found.records, sample.found.unreadable), found
    return proposal, found


def csv_text(rows: Sequence[Sequence[tuple[str, bool]]], delimiter: str, newline: str) -> str:
    """As spreadsheets write it: in quotes what needs them, and what is to be."""
    return "".join(delimiter.join(_cell(*cell, delimiter) for cell in row) + newline for row in rows)


def _cell(text: str, quoted: bool, delimiter: str) -> str:
    if quoted or any(one in text for one in (delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text


@st.composite
def tables(draw: st.DrawFn) -> list[list[tuple[str, bool]]]:
    names = draw(
        st.lists(
            st.sampled_from(["id", "at", "is_x", "name", "ts", "b"]), min_size=2, max_size=4, unique=True
        )
    )
    columns = [draw(st.lists(CELLS, min_size=1, max_size=3)) for _ in names]
    rows = draw(
        st.lists(
            st.tuples(*(st.tuples(st.sampled_from(one), st.booleans()) for one in columns)),
            min_size=1,
            max_size=6,
        )
    )
    return [[(name, False) for name in names], *map(list, rows)]


@settings(deadline=None, max_examples=200)
@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_propose_for_any_csv_takes_in_every_row(
    table: list[list[tuple[str, bool]]], delimiter: str, newline: str, encoding: str
) -> None:
    text = csv_text(table, delimiter, newline)

    with tempfile.TemporaryDirectory() as folder:
        proposal, found = fitted(Path(folder), a__csv=text.encode(encoding))

    assert found.accepted + len(found.refused) == len(table) - proposal.pipeline.source.csv.header


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("ab1,;\"'\n\r "), min_size=1, max_size=40), st.booleans())
def test_propose_for_any_text_as_csv_tells_what_cannot_be_read(text: str, header: bool) -> None:
    data = ("a,b\n" * header + text).encode()

    with tempfile.TemporaryDirectory() as folder:
        try:
            fitted(Path(folder), a__csv=data)
        except ProposalError as error:
            assert error.what == "no contract can be inferred"


def moments(first: int, past: int) -> st.SearchStrategy[datetime]:
    """In UTC, from the beginning of one year to that of another."""
    return st.datetimes(datetime(first, 1, 1), datetime(past, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


STRUCT = pa.struct([("x", pa.int32()), ("y z", pa.string()), ("s", pa.struct([("t", pa.date32())]))])
ARROW: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False, allow_infinity=False),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    pa.binary(): st.binary(max_size=3),
    pa.binary(2): st.binary(min_size=2, max_size=2),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.timestamp("ms"): st.datetimes().map(lambda one: one.replace(microsecond=0)),
    pa.timestamp("us", "UTC"): moments(2, 9998),
    pa.timestamp("ns", "Europe/Berlin"): moments(1970, 2100),
    pa.decimal128(9, 2): st.decimals(-9999999, 9999999, places=2),
    pa.decimal256(60, 2): st.decimals(-9999999, 9999999, places=2),
    pa.duration("s"): st.integers(0, 9),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["a", "b"]),
    pa.list_(pa.int16()): st.lists(st.none() | st.integers(-9, 9), max_size=3),
    pa.map_(pa.string(), pa.int32()): st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 9)), max_size=2, unique_by=lambda one: one[0]
    ),
    STRUCT: st.fixed_dictionaries(
        {
            "x": st.none() | st.integers(0, 9),
            "y z": st.none() | st.text("ab"),
            "s": st.none() | st.fixed_dictionaries({"t": st.none() | st.dates()}),
        }
    ),
    pa.list_(pa.struct([("x", pa.int64())])): st.lists(
        st.none() | st.fixed_dictionaries({"x": st.none() | st.integers(0, 9)}), max_size=2
    ),
    pa.null(): st.none(),
}
KINDS = list(ARROW)


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from(range(len(KINDS))), min_size=1, max_size=4))
    height = draw(st.integers(1, 4))
    values = [
        draw(st.lists(st.none() | ARROW[KINDS[kind]], min_size=height, max_size=height)) for kind in kinds
    ]
    arrays = [pa.array(one, KINDS[kind]) for one, kind in zip(values, kinds, strict=True)]
    return pa.table(arrays, names=[f"c{number}" for number in range(len(kinds))])


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def ipc(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


@settings(deadline=None, max_examples=150)
@given(arrow_tables(), arrow_tables())
def test_infer_from_any_typed_rows_gives_what_all_of_them_fit(first: pa.Table, second: pa.Table) -> None:
    batches = [table.to_batches()[0] for table in (first, second)]
    columns = infer_typed(batches * 100).columns

    conformer = Conformer(a_pipeline(format_columns(columns)), max_nesting=64, positions=False)

    for batch in batches:
        (chunk,) = conformer.conform_rows(batch).chunks
        assert (chunk.accepted.height, chunk.rejected.height) == (batch.num_rows, 0)


def test_propose_for_typed_files_takes_in_every_row(tmp_path: Path) -> None:
    table = pa.table(
        {"a": [1, None], "at": pa.array([1, 2], pa.timestamp("ms", "UTC")), "s": [{"x": 1}, None]}
    )
    files = {
        "a__parquet": parquet(table),
        "b__parquet": parquet(table.select(["at"])),
        "c__arrow": ipc(table),
    }

    proposal, found = fitted(tmp_path, **files)

    assert (found.accepted, found.rescued, found.refused) == (6, 0, [])
    assert "told by their suffixes: ipc, parquet" in proposal.text


def test_propose_for_documents_takes_in_every_element(tmp_path: Path) -> None:
    elements = [{"n": number, "tags": ["a"], "at": "2026-01-01T00:00:00Z"} for number in range(9)]

    proposal, found = fitted(
        tmp_path, a__json=json.dumps(elements, indent=1).encode(), b__json=json.dumps(elements).encode()
    )

    assert (found.accepted, found.rescued, found.refused) == (18, 0, [])
    assert proposal.pipeline.table.partition_by == ("event_date",)


def test_propose_for_latin_csv_without_header_takes_in_every_row(tmp_path: Path) -> None:
    text = "1;Größe;1,5;ja\n2;Länge;2,5;NULL\n3;;;\n"

    proposal, found = fitted(tmp_path, a__csv=text.encode("cp1252"))

    assert (found.accepted, found.rescued, found.refused) == (3, 0, [])
    assert proposal.pipeline.source.csv.encoding == "cp1252"
    assert [column.name for column in proposal.pipeline.contract.columns] == [
        f"column{n}" for n in range(1, 5)
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.ndjson", b'{"a": 1, "at": "2026-01-01T00:00:00Z", "s": {"x": [1]}, "ts": 1626847200}\n'),
        ("a.csv", b"a,at,ok\n1,2026-01-01T00:00:00Z,yes\n2,2026-01-02T00:00:00Z,no\n"),
        ("a.parquet", parquet(pa.table({"a": [1], "day": pa.array([1], pa.date32()), "b": [b"x"]}))),
    ],
)
def test_propose_writes_what_validates(tmp_path: Path, name: str, data: bytes) -> None:
    proposal, _ = fitted(tmp_path, **{name.replace(".", "__"): data})

    pipeline = parse_pipeline(proposal.text, file="x")

    assert validate(pipeline).problems == ()
    assert pipeline.table.partition_by

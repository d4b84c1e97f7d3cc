"""How CSV files are written, and which columns they have, from their beginnings."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.column_syntax import format_columns
from transforms.inference.csv_cells import Cell, read_rows
from transforms.inference.infer_csv import CsvHead, CsvInferred, infer_csv


def inferred(*texts: str, encoding: str = "utf-8", whole: bool = True, usual: str = ",") -> CsvInferred:
    heads = [CsvHead(text.encode(encoding), whole) for text in texts]
    return infer_csv(heads, usual_delimiter=usual, most_records=1000)


def columns(*texts: str) -> dict[str, object]:
    return format_columns(inferred(*texts).found.columns)


def column(*cells: str, name: str = "a") -> object:
    """The type of a column with these cells, as a contract says it."""
    return columns("keep," + name + "\n" + "".join(f"k,{cell}\n" for cell in cells))[name]


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\nx, y\tz\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('a,b\n"x;y;z",2\n', ","),
        ("a;b\n2026-01-01T00:00:00Z;x\n", ";"),
        ('a\tb\n1\t"{""a"": 1, ""b"": 2}"\n', "\t"),
        ("u\tv\nh?a=1;b=2,3\th?a=1;b=2,3\n", "\t"),
        ("just one column\nx\n", ","),
    ],
)
def test_infer_finds_the_delimiter(text: str, delimiter: str) -> None:
    assert inferred(text).csv["delimiter"] == delimiter


def test_infer_with_one_column_keeps_the_usual_delimiter_and_says_so() -> None:
    found = inferred("a\n1\n", usual="\t")

    assert found.csv["delimiter"] == "\t"
    assert "no delimiter is certain" in found.notes["delimiter"]


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("a,b\n'x, y','z'\n", "'"),
        ("a,b\nit's,x\n", '"'),
        ('a,b\n5" disk,x\n', "'"),
        ("a,b\n5\" disk,it's\n", "`"),
        ('a,b\n"say ""x""",x\n', '"'),
    ],
)
def test_infer_finds_the_quote(text: str, quote: str) -> None:
    found = inferred(text)

    assert found.csv.get("quote", '"') == quote
    assert found.found.unreadable == 0


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("id,name\n1,x\n", True),
        ("1,x\n2,y\n", False),
        ("name,city\nann,berlin\nbob,rome\n", True),
        ("ann,berlin\nbob,berlin\n", False),
        (",a\n0,x\n", True),
        ("a,a\n1,2\n", False),
        ("First Name,Last Name\nAnn,Lee\n", True),
        ("true,x\nfalse,y\n", False),
        ("2026-01-01,x\n2026-01-02,y\n", False),
        ("$1.00,x\n$2.00,y\n", False),
        ("a,b\n", True),
    ],
)
def test_infer_tells_a_header_from_a_row(text: str, header: bool) -> None:
    assert inferred(text).csv["header"] is header


def test_infer_without_header_names_columns_by_their_place() -> None:
    assert columns("1,x\n2,y\n") == {"column1": "int64!", "column2": "string!"}


def test_infer_with_files_of_other_columns_takes_all_by_name() -> None:
    assert columns("a,b\n1,x\n", "b,c\ny,2\n") == {"a": "int64", "b": "string!", "c": "int64"}


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("a,b\n1,x\n", "utf-8", "utf-8"),
        ("a,b\n1,größe\n", "utf-8", "utf-8"),
        ("a,b\n1,größe\n", "utf-8-sig", "utf-8"),
        ("a,b\n1,größe €\n", "cp1252", "cp1252"),
        ("a,b\n1,\x81\n", "latin-1", "latin-1"),
        ("a,b\n1,größe\n", "utf-16", "utf-16"),
    ],
)
def test_infer_finds_the_encoding(text: str, encoding: str, expected: str) -> None:
    found = inferred(text, encoding=encoding)

    assert found.csv.get("encoding", "utf-8") == expected
    assert format_columns(found.found.columns) == {"a": "int64!", "b": "string!"}


def test_infer_of_text_cut_within_a_character_or_a_row_leaves_the_row_out() -> None:
    found = infer_csv([CsvHead("a,b\n1,x\n2,ö".encode()[:-1], False)], usual_delimiter=",", most_records=1000)

    assert (found.found.records, found.found.unreadable, "encoding" in found.csv) == (1, 0, False)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2"], "int64!"),
        (["1", ""], "int64"),
        (["1", "2.0"], "int64!"),
        (["1", "2.5"], "float64!"),
        (["007", "1"], "string!"),
        (["+1"], "string!"),
        (["1", "x"], "string!"),
        (["1", "NA"], "int64"),
        (["1", '"NA"'], "string!"),
        (["x", "NA"], "string!"),
        (["x", "NULL"], "string"),
        (["2026-01-01", "\\N"], "date"),
        (["2026-01-01T00:00:00Z"], "timestamp[us, UTC]!"),
        (["2026-01-01 00:00:00"], "timestamp[us]!"),
        (["09:30:00"], "time!"),
        (["01/02/2026"], "string!"),
        (["true", "false"], "bool!"),
        (["True"], "bool!"),
        (["yes", "no", ""], "bool"),
        (["t", "t"], "string!"),
        (["t", "f"], "bool!"),
        (["1", "0"], "int64!"),
        (["", ""], "string"),
        (['"{""x"": 1}"', "[]"], "json!"),
        (['"{""x"": 1}"', '"{"'], "string!"),
        (["18446744073709551615", "1"], "uint64!"),
    ],
)
def test_infer_reads_cells_as_what_they_look_like(cells: list[str], kind: object) -> None:
    assert column(*cells) == kind


def test_infer_takes_one_and_zero_for_booleans_where_the_name_asks() -> None:
    assert column("1", "0", name="is_new") == "bool!"


def test_infer_of_epoch_numbers_takes_a_timestamp() -> None:
    assert column("1626847200", name="created_at") == {"type": "timestamp[us, UTC]!", "epoch": "s"}


def test_infer_writes_only_what_differs_from_the_default() -> None:
    assert inferred("a,b\n1,x\n").csv == {"delimiter": ",", "header": True}
    assert inferred("a;b\n1;yes\nNULL;no\n").csv == {
        "delimiter": ";",
        "header": True,
        "nulls": ("", "NULL"),
        "booleans": ("yes", "no"),
    }


def test_infer_says_which_cells_of_a_text_are_null_because_of_other_columns() -> None:
    found = inferred("code,n\nNA,1\nDE,NA\n").found

    assert format_columns(found.columns) == {"code": "string", "n": "int64"}
    assert found.notes["code",].startswith("null where a cell is NA")


def test_infer_says_why_numbers_are_text() -> None:
    assert "'1,5'" in inferred("a;b\n1,5;x\n").found.notes["a",]


def test_infer_counts_rows_that_the_decoder_would_refuse() -> None:
    found = inferred('a,b\n1,x\n2\n3,y,z\n4,"x"y\n5,"z"\n').found

    assert (found.records, found.unreadable) == (2, 3)


def test_read_rows_goes_on_behind_a_broken_row() -> None:
    rows = list(read_rows('a,"b"x,c\n1,2\n"3\n4",\n\n"5', ",", '"'))

    assert rows == [
        None,
        [Cell("1", False), Cell("2", False)],
        [Cell("3\n4", True), Cell("", False)],
        None,
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)


@settings(deadline=None)
@given(st.lists(st.lists(TEXTS, min_size=2, max_size=3), max_size=5), st.sampled_from(",;\t|"))
def test_read_rows_gives_back_what_was_written(table: list[list[str]], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(table)

    rows = read_rows(text.getvalue(), delimiter, '"')

    assert [[cell.text for cell in row or ()] for row in rows] == table

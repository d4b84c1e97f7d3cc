"""Tables for people."""

from __future__ import annotations

import pytest

from pipelines.cli.tables import print_fields, print_table


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_print_table_puts_numbers_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name", "rows", "size"], [["a", "1,000", "1.5 MiB"], ["bcd", "-", "12 B"]])

    assert printed(capsys) == [
        "name   rows     size",
        "a     1,000  1.5 MiB",
        "bcd       -     12 B",
    ]


def test_print_table_shortens_the_widest_text_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    print_table(["id", "kind", "text"], [["1234567890123", "click", "x" * 99]])

    assert printed(capsys)[1] == "1234567890123  click  " + "x" * 17 + "…"


def test_print_table_cuts_the_name_of_a_number_but_never_the_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    print_table(["quarantined", "duplicates", "records"], [["0", "1,234,567", "12,345,678"]])

    assert printed(capsys) == ["quaran…  duplicat…     records", "      0  1,234,567  12,345,678"]


def test_print_table_without_room_names_the_columns_that_it_leaves_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    print_table(["a", "b", "c", "d"], [["x" * 99] * 4])

    lines = printed(capsys)
    assert lines[0].split() == ["a", "b"]
    assert lines[2] == "not shown, for want of room: c, d"


def test_print_table_pads_wide_letters_by_the_room_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["text", "after"], [["日本", "x"], ["abcd", "x"]])

    assert printed(capsys)[1:] == ["日本  x", "abcd  x"]


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\rb", "a\nb", "\x9b31m", "\u202e", "\x00", "\ud800", "\x07"])
def test_print_table_shows_no_character_that_acts(evil: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [[evil]])
    print_fields([("name", evil)])

    lines = printed(capsys)
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_table_in_a_pipe_is_not_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("os.get_terminal_size", lambda _: (_ for _ in ()).throw(OSError))

    print_table(["name", "what"], [["a" * 100, "12,345 inserted, 67,890 updated " * 5]])

    assert "67,890 updated" in capsys.readouterr().out.rstrip()[-20:]

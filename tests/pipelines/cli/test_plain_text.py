"""Values as short text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.cli.plain_text import counted, duration, moment, printable, size


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 * 2**20, "3.0 MiB"), (2**50, "1024.0 TiB")],
)
def test_size_takes_the_unit_that_fits(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7322, "2 h 2 min"),
        (86_400 * 3, "3 d"),
    ],
)
def test_duration_tells_the_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counted_bends_the_noun() -> None:
    assert [counted(number, "file") for number in (0, 1, 1000)] == ["0 files", "1 file", "1,000 files"]


def test_moment_is_in_utc() -> None:
    assert moment(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))) == "2025-12-31 23:00:00 UTC"
    assert moment(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00 UTC"
    assert moment(None) == "-"


def test_printable_keeps_what_is_asked_for() -> None:
    assert printable("a\nb\tc", keep="\n") == "a\nb\\tc"

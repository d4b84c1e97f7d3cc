"""Sizes and durations: what people write, and what nobody means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import InvalidValueError
from config.units import format_bytes, format_duration, parse_bytes, parse_duration


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4 GiB", 4 * 2**30),
        ("512 MB", 512_000_000),
        ("1.5 KiB", 1536),
        ("16mib", 16 * 2**20),
        (" 7 B ", 7),
        ("10", 10),
        (10, 10),
    ],
)
def test_parse_bytes_reads_what_people_write(text: object, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "GiB", "-1", "0", 0, -5, True, 1.5, None, "1.5 B", "4 G", "1e3", "9" * 30]
)
def test_parse_bytes_with_no_size_says_what_is_allowed(text: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_bytes(text)

    assert caught.value.got == repr(text)
    assert "4 GiB" in str(caught.value)


@given(st.integers(1, 2**62))
def test_format_bytes_reads_back_equal(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == size


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("2 h", 7200), ("1d", 86400)])
def test_parse_duration_reads_what_people_write(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "5", 5, "-1m", "1.5h", "5 min", "400d", timedelta(0), None])
def test_parse_duration_with_no_duration_is_refused(text: object) -> None:
    with pytest.raises(InvalidValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(1, 366 * 86400))
def test_format_duration_reads_back_equal(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration

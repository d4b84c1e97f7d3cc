"""Cron lines."""

from __future__ import annotations

import pytest

from config.cron import parse_cron
from config.errors import InvalidValueError


@pytest.mark.parametrize(
    "line",
    ["* * * * *", "*/5 * * * *", "0 0 1 1 0", "1,2-4,10-20/5 23 31 12 7", "0 9 * jan-mar MON-Fri"],
)
def test_parse_cron_takes_five_fields(line: str) -> None:
    assert parse_cron(line) == line


def test_parse_cron_joins_fields_with_single_spaces() -> None:
    assert parse_cron(" 0  0 * *\t* ") == "0 0 * * *"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("* * * *", "not a cron line"),
        ("* * * * * *", "not a cron line"),
        ("@hourly", "not a cron line"),
        ("", "not a cron line"),
        (None, "not a cron line"),
        ("60 * * * *", "'60' is not a minute"),
        ("* 24 * * *", "'24' is not a hour"),
        ("* * 0 * *", "'0' is not a day of the month"),
        ("* * * 13 *", "'13' is not a month"),
        ("* * * * 8", "'8' is not a day of the week"),
        ("*/0 * * * *", "is not a minute"),
        ("5-1 * * * *", "is not a minute"),
        ("1,,2 * * * *", "is not a minute"),
        ("a * * * *", "is not a minute"),
    ],
)
def test_parse_cron_with_wrong_line_says_which_field(line: object, what: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_cron(line)

    assert what in caught.value.what

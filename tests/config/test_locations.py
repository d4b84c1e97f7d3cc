"""Landing zone and table keep out of each other's way."""

from __future__ import annotations

import pytest

from config.locations import check_locations


@pytest.mark.parametrize(
    ("source", "table"),
    [
        ("landing", "lake/t"),
        ("landing/*.ndjson", "landing/t"),
        ("landing/**/*.ndjson.gz", "landing/t"),
        ("s3://b/landing", "s3://b/lake/t"),
        ("s3://b/t_landing", "s3://b/t"),
        ("s3://b", "s3://b2/t"),
        ("*.ndjson", "t"),
    ],
)
def test_check_locations_apart_finds_nothing(source: str, table: str) -> None:
    assert check_locations(source, table) == []


@pytest.mark.parametrize(
    ("source", "table", "what"),
    [
        ("landing", "landing", "a landing zone inside the table"),
        ("landing/", "./landing", "a landing zone inside the table"),
        ("lake/t/new/*.gz", "lake/t", "a landing zone inside the table"),
        ("landing", "landing/t", "a table inside the landing zone"),
        ("landing/**", "landing/t", "a table inside the landing zone"),
        ("landing/**/*.json", "landing/x/t", "a table inside the landing zone"),
        ("s3://b", "s3://b/t", "a table inside the landing zone"),
        ("s3://b/x/", "s3://b/x/t/", "a table inside the landing zone"),
        ("file:///a", "/a/b", "a table inside the landing zone"),
        ("landing", "lake/*", "a table URI with a wildcard"),
    ],
)
def test_check_locations_in_each_other_is_refused(source: str, table: str, what: str) -> None:
    (path, error), *rest = check_locations(source, table)

    assert (path, error.what, rest) == (("table", "uri"), what, [])

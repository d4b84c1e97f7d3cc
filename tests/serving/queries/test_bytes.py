"""What a query fetches from the store, against `penstock scan` with the same condition, as a proxy counts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Final

import polars as pl
import pytest

from serving.queries.query import Engine, Statement
from storage.skipping.reader import read_table
from tests.conftest import Store
from tests.counting_proxy import counting_proxy
from tests.object_store import ObjectStore
from tests.serving.queries.statements import engine_of
from tests.storage.skipping.skipping_tables import write_ours

_ROWS = pl.DataFrame(
    {
        "id": range(40_000),
        "day": [dt.date(2026, 1, 1 + number // 10_000) for number in range(40_000)],
        "user": [f"user-{number * 7919 % 40_000:05}" for number in range(40_000)],
        "actor": [{"id": number // 2, "login": f"{number * 31 % 1009}"} for number in range(40_000)],
    }
).with_columns(
    at=pl.datetime(2026, 1, 1, time_zone="UTC") + pl.duration(seconds=pl.col("id") * 8),
    amount=pl.col("id").cast(pl.Decimal(12, 2)),
)
id_, day, at = pl.col("id"), pl.col("day"), pl.col("at")
_QUESTIONS: Final[dict[str, pl.Expr]] = {
    "day = date '2026-01-02'": day == dt.date(2026, 1, 2),
    "day >= '2026-01-04'": day >= dt.date(2026, 1, 4),
    "id = 12345": id_ == 12345,
    "id between 20100 and 20300": id_.is_between(20100, 20300),
    "id in (1, 2, 15000, 30000, 30001)": id_.is_in([1, 2, 15000, 30000, 30001]),
    "id > 100000": id_ > 100_000,
    "cast(at as date) = date '2026-01-02'": at.cast(pl.Date) == dt.date(2026, 1, 2),
    "at < '2026-01-01T02:00:00Z'": at < dt.datetime(2026, 1, 1, 2, tzinfo=dt.UTC),
    "\"user\" like 'user-0001%'": pl.col("user").str.starts_with("user-0001"),
    "amount = 31000.00": pl.col("amount") == Decimal("31000.00"),
    "actor.id = 777": pl.col("actor").struct.field("id") == 777,
    "actor.login = 'none'": pl.col("actor").struct.field("login") == "none",
}


@pytest.mark.s3
def test_query_with_a_selective_condition_fetches_no_more_than_a_scan(
    s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = write_ours(s3.at("t"), _ROWS, partition_by=["day"], sort_by=["id"], row_group_rows=1000, batches=2)
    took: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    with counting_proxy(object_store.endpoint) as seen:
        monkeypatch.setenv("AWS_ENDPOINT_URL", seen.endpoint)
        for sql, where in _QUESTIONS.items():
            seen.bytes.clear()
            expected = read_table(uri).query(where, ["id", "user"]).collect(engine="streaming")
            scanned = sum(seen.bytes), len(seen.bytes)
            seen.bytes.clear()
            rows = _planned_and_run(engine_of(t=uri), f'select id, "user" from t where {sql}')
            took[sql] = scanned, (sum(seen.bytes), len(seen.bytes))
            assert rows == expected.height, sql

    for sql, (scanned, fetched) in took.items():
        assert fetched[0] <= 1.2 * scanned[0], sql
        assert fetched[1] <= 1.2 * scanned[1], sql


@pytest.mark.s3
def test_query_that_was_asked_before_fetches_nothing_of_the_files(
    s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = write_ours(s3.at("t"), _ROWS, partition_by=["day"], sort_by=["id"], row_group_rows=1000, batches=2)
    sql = 'select id, "user" from t where "user" like \'user-0001%\''
    with counting_proxy(object_store.endpoint) as seen:
        monkeypatch.setenv("AWS_ENDPOINT_URL", seen.endpoint)
        engine = engine_of(t=uri)
        rows = _planned_and_run(engine, sql)
        first = sum(seen.bytes)
        seen.bytes.clear()

        again = _planned_and_run(engine, sql)

    assert again == rows > 0
    assert sum(seen.bytes) < 1000 < first  # that there is no newer version


def _planned_and_run(engine: Engine, sql: str) -> int:
    """As GetFlightInfo and then DoGet do; how many rows there are."""
    pins = engine.plan(Statement(sql), lambda _name: True).pins
    planned = engine.plan(Statement(sql, pins=pins), lambda _name: True)
    return sum(batch.num_rows for batch in planned.batches())

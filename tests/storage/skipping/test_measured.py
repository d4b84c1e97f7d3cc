"""What a query skips and what it fetches: counted by the reader, and by a proxy in front of the store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from storage.skipping.measured import Measured
from storage.skipping.reader import read_table
from tests.conftest import Store
from tests.counting_proxy import counting_proxy
from tests.object_store import ObjectStore
from tests.storage.skipping.skipping_tables import write_ours

ROWS = pl.DataFrame(
    {
        "id": range(40_000),
        "day": [dt.date(2026, 1, 1 + number // 10_000) for number in range(40_000)],
        "user": [f"user-{number * 7919 % 40_000:05}" for number in range(40_000)],
        "actor": [{"id": number // 2, "login": f"{number * 31 % 1009}"} for number in range(40_000)],
    }
)


def lake(store: Store) -> str:
    """Four days in two commits: eight files at most, of ten row groups each."""
    return write_ours(
        store.at("lake"), ROWS, partition_by=["day"], sort_by=["id"], row_group_rows=1000, batches=2
    )


def measured(uri: str, where: str, columns: list[str]) -> tuple[pl.DataFrame, Measured]:
    reader, took = read_table(uri), Measured()
    rows = reader.query(pl.sql_expr(where), columns, took).collect(engine="streaming")
    return rows, took


def test_measure_a_query_tells_what_was_skipped_by_which_means(store: Store) -> None:
    where = "day >= date '2026-01-02' and actor.id between 5400 and 5410"
    rows, took = measured(lake(store), where, ["user"])

    assert rows.height == 22
    assert (took.partitions, took.partitions_skipped) == (4, 1)
    assert (took.files, took.files_by_partition, took.files_by_statistics) == (4, 1, 2)
    assert (took.row_groups, took.row_groups_by_statistics, took.files_by_row_groups) == (10, 9, 0)
    skipped = took.bytes_by_partition + took.bytes_by_statistics + took.bytes_by_row_groups
    assert 0 < took.bytes_of_columns < took.bytes - skipped
    # One request for the footer, and one or two for the columns.
    assert 2 <= took.fetched.requests <= 3


def test_measure_a_query_without_matches_reads_nothing_or_a_footer(tmp_path: Path) -> None:
    uri = lake(Store(str(tmp_path)))

    assert measured(uri, "id > 100000", ["id"])[1].fetched.requests == 0
    apart = measured(uri, "id between 10500 and 10600 and actor.id between 7000 and 7100", ["id"])[1]
    assert (apart.files_by_statistics, apart.files_by_row_groups, apart.fetched.requests) == (3, 1, 1)


@pytest.mark.s3
@pytest.mark.parametrize("where", ["id = 12345", "\"user\" like 'user-0001%'", "id % 2 = 0"])
def test_measure_a_query_counts_what_the_store_has_sent(
    where: str, s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = lake(s3)
    reader, took = read_table(uri), Measured()
    reader.files()

    with counting_proxy(object_store.endpoint) as seen:
        monkeypatch.setenv("AWS_ENDPOINT_URL", seen.endpoint)
        rows = reader.query(pl.sql_expr(where), ["id", "actor.login"], took).collect(engine="streaming")
        counted = list(seen.bytes)
        seen.methods.clear()
        again = reader.query(pl.sql_expr(where), ["id", "actor.login"]).collect(engine="streaming")

    assert rows.height == ROWS.filter(pl.sql_expr(where)).height
    assert (took.fetched.bytes, took.fetched.requests) == (sum(counted), len(counted))
    # Without counting, neither sizes are asked for, nor anything else is fetched.
    assert set(seen.methods) == {"GET"}
    assert sorted(seen.bytes[len(counted) :]) == sorted(counted)
    assert again.sort("id").equals(rows.sort("id"))


def test_read_after_newer_commits_gives_the_pinned_version(tmp_path: Path) -> None:
    uri = write_ours(str(tmp_path / "t"), ROWS.head(100), batches=2)

    assert read_table(uri, version=0).lazy().collect().height == 50
    assert read_table(uri, at=dt.datetime.now(dt.UTC)).version == 1
    with pytest.raises(ValueError, match="one of them"):
        read_table(uri, version=0, at=dt.datetime.now(dt.UTC))

"""A batch of a source, or of a follower, is undone."""

from __future__ import annotations

import polars as pl
import pytest

from pipelines.run import run
from pipelines.undo import undo
from storage.errors import TableError
from tests.conftest import Store
from tests.pipelines.chains import bronze, follower, gold, land_sales, rows_of, silver, totals
from tests.pipelines.taking_in import SETTINGS, ids, run_and_prove, table


def two_batches(store: Store) -> None:
    """Days 1 to 3, then 3 to 5."""
    for number in range(2):
        land_sales(store, f"{number}.ndjson", 2 * number, 2 * number + 3)
        run(bronze(store), SETTINGS)


def test_undo_of_the_source_reaches_its_followers(local: Store) -> None:
    appends, changes = follower(local, "appends"), follower(local, "changes", source={"read": "changes"})
    aggregate = gold(local, of="bronze")
    two_batches(local)
    for pipeline in (appends, changes, aggregate):
        run(pipeline, SETTINGS)
    undo(bronze(local), 2, SETTINGS)

    run_and_prove(changes)
    run_and_prove(aggregate)

    gone = table(changes).filter(pl.col("_change") == "delete")
    assert sorted(gone["id"]) == [2, 3, 4]
    found = sorted(rows_of(local, "gold").select("day", "sales", "amount").rows())
    assert found == totals(local, "bronze")
    with pytest.raises(TableError, match="appends cannot follow"):
        run(appends, SETTINGS)


def test_undo_of_a_follower_lets_its_files_wait_again(local: Store) -> None:
    pipeline = silver(local, source={"max_files_per_batch": 4})
    two_batches(local)
    run(pipeline, SETTINGS)
    undo(pipeline, 1, SETTINGS)
    assert len(ids(pipeline)) == 2

    run_and_prove(pipeline)

    assert ids(pipeline) == [0, 1, 2, 2, 3, 4]


def test_undo_of_gold_counts_its_partitions_again(local: Store) -> None:
    pipeline = gold(local, of="bronze")
    two_batches(local)
    run(pipeline, SETTINGS)
    undo(pipeline, 1, SETTINGS)
    assert rows_of(local, "gold").is_empty()

    run_and_prove(pipeline)

    found = sorted(rows_of(local, "gold").select("day", "sales", "amount").rows())
    assert found == totals(local, "bronze")

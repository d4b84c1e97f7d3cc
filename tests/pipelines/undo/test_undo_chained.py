"""Undos of pipelines that read tables, and of tables that pipelines read."""

from __future__ import annotations

import pytest

from pipelines.run import run
from storage.errors import StorageError
from tests.conftest import Store
from tests.pipelines.chains import bronze, gold, land_sales, rows_of, silver
from tests.pipelines.taking_in import SETTINGS, run_and_prove
from tests.pipelines.undoing import undo_and_prove


def test_undo_of_a_batch_out_of_a_table_reads_the_same_versions_again(local: Store) -> None:
    for number in range(3):
        land_sales(local, f"{number}.ndjson", 10 * number, 10 * number + 10)
        run(bronze(local), SETTINGS)
        run_and_prove(silver(local))

    assert undo_and_prove(silver(local), 2).rows_removed == 10

    assert sorted(rows_of(local, "silver")["id"]) == [*range(10), *range(20, 30)]
    run_and_prove(silver(local))
    assert sorted(rows_of(local, "silver")["id"]) == list(range(30))
    assert run_and_prove(silver(local)).batches == ()


def test_undo_in_a_table_that_partitions_are_read_of_is_followed(local: Store) -> None:
    for number in range(2):
        land_sales(local, f"{number}.ndjson", 10 * number, 10 * number + 10)
        run(bronze(local), SETTINGS)
        run_and_prove(gold(local, of="bronze"))
    assert set(rows_of(local, "gold")["sales"]) == {2}

    undo_and_prove(bronze(local), 2)
    run_and_prove(gold(local, of="bronze"))

    assert set(rows_of(local, "gold")["sales"]) == {1}


def test_undo_in_a_table_whose_appends_are_read_is_refused_by_the_reader(local: Store) -> None:
    for number in range(2):
        land_sales(local, f"{number}.ndjson", 10 * number, 10 * number + 10)
        run(bronze(local), SETTINGS)
        run_and_prove(silver(local))
    undo_and_prove(bronze(local), 2)

    with pytest.raises(StorageError, match="changes or removes rows"):
        run(silver(local), SETTINGS)

    assert sorted(rows_of(local, "silver")["id"]) == list(range(20))

"""A pipeline that follows a table dies at any point, while the table goes on: no row is lost or doubled."""

from __future__ import annotations

import pytest

from config.pipeline import Pipeline
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.chains import bronze, delta, gold, land_sales, rows_of, silver, totals
from tests.pipelines.dying_run import POINTS
from tests.pipelines.taking_in import SETTINGS, ids, run_and_prove
from tests.processes import killed


def killed_at(pipeline: Pipeline, point: str, batch: int) -> None:
    """A run that dies there."""
    spec = pipeline.model_dump_json(by_alias=True, exclude_unset=True)
    killed("pipelines.dying_run", spec, point, str(batch))


def source_of_two_versions(store: Store) -> Pipeline:
    pipeline = bronze(store, table={"partition_by": []})
    for number in range(2):
        land_sales(store, f"{number}.ndjson", 10 * number, 10 * number + 10)
        run(pipeline, SETTINGS)
    return pipeline


@pytest.mark.parametrize("point", POINTS)
def test_run_after_a_kill_reads_the_planned_version_though_the_source_went_on(
    local: Store, point: str
) -> None:
    assert_survives_a_kill(local, point)


@pytest.mark.s3
def test_run_after_a_kill_on_s3_reads_the_planned_version_though_the_source_went_on(s3: Store) -> None:
    assert_survives_a_kill(s3, POINTS[-2])


def assert_survives_a_kill(store: Store, point: str) -> None:
    source, following = source_of_two_versions(store), silver(store, source={"max_files_per_batch": 1})
    killed_at(following, point, 2)
    land_sales(store, "more.ndjson", 20, 30)
    run(source, SETTINGS)
    delta(store, "bronze").optimize.compact()

    run_and_prove(following)

    assert ids(following) == list(range(30))
    assert len(set(rows_of(store, "silver_ledger")["batch"])) == 3


@pytest.mark.parametrize("point", ["planned", "all files written", "data committed"])
def test_gold_after_a_kill_is_what_a_recount_gives(local: Store, point: str) -> None:
    source, pipeline = bronze(local), gold(local, of="bronze", source={"max_files_per_batch": 4})
    land_sales(local, "a.ndjson", 0, 10)
    run(source, SETTINGS)
    killed_at(pipeline, point, 2)
    land_sales(local, "b.ndjson", 5, 8)
    run(source, SETTINGS)

    run_and_prove(pipeline)

    found = sorted(rows_of(local, "gold").select("day", "sales", "amount").rows())
    assert found == totals(local, "bronze")

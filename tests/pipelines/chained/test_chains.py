"""Pipelines that follow a table: each row of each version arrives exactly once."""

from __future__ import annotations

import json

import polars as pl
import pytest
from deltalake import DeltaTable

from config.errors import SpecError
from pipelines.proof.proof import prove
from pipelines.reports.status import status
from pipelines.reports.validation import validate
from pipelines.run import run
from storage.errors import NotFoundError, TableError
from storage.filesystem import open_filesystem
from tests.conftest import Store
from tests.pipelines.chains import (
    COLUMNS,
    bronze,
    delta,
    follower,
    gold,
    land_sales,
    rows_of,
    sale,
    silver,
    totals,
    write,
)
from tests.pipelines.taking_in import SETTINGS, ids, land, proof_of, refused, run_and_prove, table


def test_run_follows_a_chain_of_three_tables(store: Store) -> None:
    chain = [bronze(store), silver(store), gold(store)]
    for number in range(3):
        land_sales(store, f"{number}.ndjson", 40 * number, 40 * number + 35)
        for pipeline in chain:
            run_and_prove(pipeline)

    expected = [number for first in (0, 40, 80) for number in range(first, first + 35)]
    assert ids(chain[0]) == ids(chain[1]) == expected
    assert sorted(table(chain[2]).select("day", "sales", "amount").rows()) == totals(store)
    assert [run(pipeline, SETTINGS).batches for pipeline in chain] == [(), (), ()]


def test_run_after_compaction_of_the_source_takes_in_nothing_again(local: Store) -> None:
    chain = [bronze(local), silver(local), gold(local)]
    for number in range(3):
        land_sales(local, f"{number}.ndjson", 40 * number, 40 * number + 40)
        run(chain[0], SETTINGS)
    run_and_prove(chain[1])
    delta(local, "bronze").optimize.compact()

    assert run_and_prove(chain[1]).batches == ()
    land_sales(local, "more.ndjson", 120, 130)
    run(chain[0], SETTINGS)
    delta(local, "bronze").optimize.compact()
    assert [one.records_read for one in run_and_prove(chain[1]).batches] == [10]
    assert ids(chain[1]) == list(range(130))


def test_run_takes_a_snapshot_in_several_batches_while_its_files_are_compacted_away(store: Store) -> None:
    source, following = bronze(store), silver(store, source={"max_files_per_batch": 4})
    for number in range(2):
        land_sales(store, f"{number}.ndjson", 5 * number, 5 * number + 5)
        run(source, SETTINGS)
    run(following, SETTINGS, max_batches=1)
    delta(store, "bronze").optimize.compact()
    land_sales(store, "more.ndjson", 10, 20)
    run(source, SETTINGS)

    batches = run_and_prove(following).batches

    assert [one.files for one in batches] == [4, 4, 4, 4]
    assert ids(following) == list(range(20))


def test_two_pipelines_follow_one_table_each_on_its_own(local: Store) -> None:
    source, first, second = bronze(local), silver(local), follower(local, "other")
    land_sales(local, "a.ndjson", 0, 10)
    run(source, SETTINGS)
    run_and_prove(first)
    land_sales(local, "b.ndjson", 10, 30)
    run(source, SETTINGS)

    assert [one.records_read for one in run_and_prove(second).batches] == [30]
    assert [one.records_read for one in run_and_prove(first).batches] == [20]
    assert ids(first) == ids(second) == list(range(30))


def test_run_with_a_contract_quarantines_rows_that_do_not_fit_it(local: Store) -> None:
    land(local, "a.ndjson", *map(sale, range(5)), b'{"id": 5, "day": "2026-01-01", "amount": null}')
    run(bronze(local), SETTINGS)
    following = follower(local, contract={"columns": {"id": "int64!", "amount": "int64!"}}, lineage=True)

    run_and_prove(following)

    assert ids(following) == list(range(5))
    assert refused(following).select("reason", "column").rows() == [("missing_required", "amount")]
    assert set(table(following)["_file"]) <= set(delta(local, "bronze").file_uris())


def test_run_follows_new_columns_of_the_source(local: Store) -> None:
    source, following = bronze(local), follower(local)
    land_sales(local, "a.ndjson", 0, 5)
    run(source, SETTINGS)
    run_and_prove(following)
    wider = bronze(local, contract={"columns": {**COLUMNS, "shop": {"name": "string"}}})
    land(local, "b.ndjson", b'{"id": 5, "day": "2026-01-01", "shop": {"name": "x"}}')
    run(wider, SETTINGS)

    run_and_prove(following)

    assert table(following).filter(id=5)["shop"].to_list() == [{"name": "x"}]
    assert table(following)["shop"].null_count() == 5


def test_run_with_an_open_contract_adds_new_columns_of_the_source(local: Store) -> None:
    contract = {"columns": COLUMNS, "on_new_column": "add"}
    source, following = bronze(local), follower(local, contract=contract)
    land_sales(local, "a.ndjson", 0, 5)
    run(source, SETTINGS)
    run_and_prove(following)
    write(local, "bronze", rows_of(local, "bronze").head(1).with_columns(shop=pl.lit("x")),
          mode="append", schema_mode="merge")  # fmt: skip

    run_and_prove(following)

    assert table(following)["shop"].drop_nulls().to_list() == ["x"]


def test_run_after_the_types_of_the_source_grew_takes_in_nothing_again(local: Store) -> None:
    narrow = bronze(local, contract={"columns": {**COLUMNS, "amount": "int32"}})
    following = follower(local)
    land_sales(local, "a.ndjson", 0, 5)
    run(narrow, SETTINGS)
    run_and_prove(following)
    land_sales(local, "b.ndjson", 5, 8)
    run(bronze(local), SETTINGS)

    assert [one.records_read for one in run_and_prove(following).batches] == [3]
    assert ids(following) == list(range(8))


def test_run_of_appends_refuses_a_version_that_removes_rows_and_changes_takes_it(local: Store) -> None:
    source, following = bronze(local), follower(local)
    land_sales(local, "a.ndjson", 0, 20)
    run(source, SETTINGS)
    run(following, SETTINGS)
    delta(local, "bronze").delete("id = 7")

    with pytest.raises(TableError) as error:
        run(following, SETTINGS)
    assert "source.read: changes" in str(error.value.next_step)
    changes = follower(local, source={"read": "changes"})
    run_and_prove(changes)

    assert table(changes).filter(pl.col("_change") == "delete")["id"].to_list() == [7]
    land_sales(local, "b.ndjson", 20, 25)
    run(source, SETTINGS)
    assert [one.records_read for one in run_and_prove(following).batches] == [5]


def test_run_after_vacuum_of_a_planned_file_says_what_to_do(store: Store) -> None:
    source, following = bronze(store), follower(store, source={"max_files_per_batch": 3})
    land_sales(store, "a.ndjson", 0, 10)
    run(source, SETTINGS)
    run(following, SETTINGS, max_batches=1)
    land_sales(store, "b.ndjson", 10, 20)
    run(source, SETTINGS)
    delta(store, "bronze").optimize.compact()
    delta(store, "bronze").vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    with pytest.raises(TableError, match="is gone") as error:
        run(following, SETTINGS)

    assert "start again" in str(error.value.next_step)
    assert prove(following, SETTINGS).violations == ()


def test_run_after_clean_up_of_the_log_says_what_to_do(local: Store) -> None:
    source, following = bronze(local), follower(local)
    for number in range(3):
        land_sales(local, f"{number}.ndjson", 10 * number, 10 * number + 10)
        run(source, SETTINGS)
        run(following, SETTINGS, max_batches=1 - min(number, 1))
    delta(local, "bronze").create_checkpoint()
    local.remove("lake/bronze/_delta_log/00000000000000000001.json")

    with pytest.raises(TableError, match="does not tell any more") as error:
        run(following, SETTINGS)

    assert "start again" in str(error.value.next_step)


def test_run_refuses_a_table_that_was_made_anew(local: Store) -> None:
    following = follower(local)
    write(local, "bronze", pl.DataFrame({"id": [1]}))
    run(following, SETTINGS)
    filesystem, path = open_filesystem(local.at("lake/bronze"))
    filesystem.rm(path, recursive=True)
    write(local, "bronze", pl.DataFrame({"id": [2]}))

    with pytest.raises(TableError, match="another table"):
        run(following, SETTINGS)


def test_run_refuses_a_file_that_holds_other_rows_than_the_log_says(local: Store) -> None:
    write(local, "bronze", pl.DataFrame({"id": [1, 2]}))
    log = f"{local.at('lake/bronze')}/_delta_log/00000000000000000000.json"
    filesystem, path = open_filesystem(log)
    filesystem.pipe_file(path, filesystem.cat_file(path).replace(b'numRecords\\":2', b'numRecords\\":3'))

    with pytest.raises(TableError, match="does not hold what the log says"):
        run(follower(local), SETTINGS)


def test_run_refuses_files_outside_of_the_table(local: Store) -> None:
    write(local, "bronze", pl.DataFrame({"id": [1, 2]}))
    log = f"{local.at('lake/bronze')}/_delta_log/00000000000000000000.json"
    filesystem, path = open_filesystem(log)
    lines = [json.loads(line) for line in filesystem.cat_file(path).splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["path"] = "../other/secret.parquet"
    filesystem.pipe_file(path, b"\n".join(json.dumps(line).encode() for line in lines))

    with pytest.raises(TableError, match="outside of the table"):
        run(follower(local), SETTINGS)


def test_run_without_a_source_table_says_so(local: Store) -> None:
    with pytest.raises(NotFoundError, match="source table is not there"):
        run(follower(local), SETTINGS)


def test_run_of_an_empty_table_waits_for_rows(local: Store) -> None:
    following = follower(local)
    write(local, "bronze", pl.DataFrame({"id": [1]}).clear())
    assert run(following, SETTINGS).batches == ()
    write(local, "bronze", pl.DataFrame({"id": [1]}), mode="append")

    run_and_prove(following)

    assert ids(following) == [1]


def test_run_of_a_source_with_a_column_that_no_contract_can_name_says_what_to_do(local: Store) -> None:
    rows = pl.DataFrame({"id": [1], "_rescued": ["{}"]})
    write(local, "bronze", rows)

    run_and_prove(follower(local))  # which passes it on
    with pytest.raises(SpecError, match="columns that the table cannot have"):
        run(follower(local, "rescuing", contract={"on_mismatch": "rescue"}), SETTINGS)


def test_status_tells_versions_and_files_that_wait(local: Store) -> None:
    source, following = bronze(local), follower(local)
    for number in range(2):
        land_sales(local, f"{number}.ndjson", 10 * number, 10 * number + 10)
        run(source, SETTINGS)
        run(following, SETTINGS, max_batches=1 - number)
    assert (status(following).waiting.files, status(following).waiting.versions) == (10, 1)
    assert status(following).lag_seconds is not None

    run(following, SETTINGS)

    assert (status(following).waiting.files, status(following).lag_seconds) == (0, None)


def test_validate_shows_the_columns_of_the_source(local: Store) -> None:
    land_sales(local, "a.ndjson", 0, 1)
    run(bronze(local), SETTINGS)

    found = validate(follower(local, source={"read": "changes"}))

    assert [(one.name, one.type) for one in found.columns] == [
        ("id", "long"),
        ("day", "date"),
        ("amount", "long"),
        ("_rescued", "string"),
        ("_change", "string"),
        ("_version", "long"),
    ]


def test_proof_counts_files_that_were_vacuumed_as_gone(local: Store) -> None:
    source, following = bronze(local), follower(local)
    land_sales(local, "a.ndjson", 0, 10)
    run(source, SETTINGS)
    land_sales(local, "b.ndjson", 10, 20)
    run(source, SETTINGS)
    run(following, SETTINGS)
    assert [one.files_recounted for one in proof_of(following).batches] == [20]
    DeltaTable(local.at("lake/bronze")).optimize.compact()
    DeltaTable(local.at("lake/bronze")).vacuum(0, enforce_retention_duration=False, dry_run=False)

    proof = proof_of(following)

    assert proof.ok
    assert [(one.files_recounted, one.files_gone) for one in proof.batches] == [(0, 20)]

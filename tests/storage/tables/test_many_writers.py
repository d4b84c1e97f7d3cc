"""Many processes at one table: what each of them committed is there, once, and nothing else."""

from __future__ import annotations

import polars as pl

from storage.tables.content_hash import content_hash
from storage.tables.delta import last_batch
from tests.conftest import Store
from tests.storage.maintenance.maintained import opened, rows
from tests.storage.tables.writing_processes import (
    appends,
    batch_of,
    compacts,
    run_together,
    upserted,
    upserts,
)


def appended(writers: int, batches: int) -> list[pl.DataFrame]:
    return [batch_of(writer, batch) for writer in range(writers) for batch in range(1, batches + 1)]


def operations(uri: str) -> list[str]:
    return [str(commit["operation"]) for commit in opened(uri).history()]


def test_appends_of_many_processes_are_all_there_once(store: Store) -> None:
    uri = store.at("table")
    writers, batches = (4, 4) if store.is_remote else (6, 5)  # SeaweedFS lets the third one wait for a second

    run_together(uri, [(appends, batches)] * writers)

    assert content_hash(rows(uri)) == content_hash(pl.concat(appended(writers, batches)).lazy())
    assert opened(uri).version() == writers * batches - 1
    assert [last_batch(opened(uri), f"writer {one}") for one in range(writers)] == [batches] * writers


def test_appends_during_compactions_and_upserts_are_all_there_once(store: Store) -> None:
    uri = store.at("table")

    run_together(uri, [(appends, 6)] * 2 + [(compacts, 2), (upserts, 4)])

    expected = pl.concat([*appended(2, 6), upserted(4)])
    assert content_hash(rows(uri)) == content_hash(expected.lazy())
    assert last_batch(opened(uri), "writer 3") == 4
    assert {"OPTIMIZE", "WRITE"} <= set(operations(uri))

"""A maintenance that is killed anywhere changes nothing that a reader sees, and leaves nothing for good."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.pipeline import Pipeline
from pipelines.maintain import maintain
from pipelines.run import run
from storage.tables.content_hash import content_hash
from storage.tables.ledger.planned import ledger_uri
from storage.tables.log.versions import open_version
from storage.tables.quarantine.records import quarantine_uri
from tests.conftest import Store
from tests.pipelines.dying_maintenance import POINTS
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land, proof_of, run_and_prove
from tests.processes import killed
from tests.table_rows import rows_of

WEEKS_MS = 15 * 86_400_000


def hashes(pipeline: Pipeline) -> list[str]:
    uri = pipeline.table.uri
    return [content_hash(rows_of(open_version(one))) for one in (uri, ledger_uri(uri), quarantine_uri(uri))]


def batches(store: Store) -> Pipeline:
    table = {"sort_by": ["id"], "partition_by": ["kind"], "upkeep": {"min_files": 2}}
    pipeline = a_pipeline(store, source={"max_files_per_batch": 1}, table=table)
    for number in range(3):
        other = b'{"id": %d, "kind": "other"}' % (number + 50)
        land(store, f"{number}.ndjson", *events(number * 10, number * 10 + 10), other, b"no json")
    run(pipeline, SETTINGS)
    return pipeline


@pytest.mark.parametrize("point", POINTS)
def test_maintenance_killed_changes_nothing_and_leaves_nothing(local: Store, point: str) -> None:
    pipeline = batches(local)
    list(maintain(pipeline, SETTINGS, ["compact"], now_ms=time.time_ns() // 10**6 + 7_200_000))
    for number in range(3, 6):
        land(
            local, f"{number}.ndjson", *events(number * 10, number * 10 + 10), b'{"id": 99, "kind": "other"}'
        )
    run(pipeline, SETTINGS)
    before, now_ms = hashes(pipeline), time.time_ns() // 10**6 + WEEKS_MS

    killed("pipelines.dying_maintenance", pipeline.model_dump_json(), point, str(now_ms))

    assert hashes(pipeline) == before
    assert proof_of(pipeline).violations == ()
    land(local, "more.ndjson", *events(100, 103))
    run_and_prove(pipeline)
    for _ in range(2):
        list(maintain(pipeline, SETTINGS, now_ms=now_ms + WEEKS_MS))
    assert proof_of(pipeline).violations == ()
    for uri in (pipeline.table.uri, ledger_uri(pipeline.table.uri), quarantine_uri(pipeline.table.uri)):
        there = {str(path) for path in Path(uri).rglob("*.parquet") if "_delta_log" not in path.parts}
        assert there == set(open_version(uri).file_uris())

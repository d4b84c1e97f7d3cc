"""A batch from landed lines to rows: expectations, keys, lineage, and no Python object for a row."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    counts_of,
    event,
    events,
    ids,
    land,
    refused,
    run_and_prove,
    table,
)
from transforms.errors import ExpectationError, ExpectationFailedError

EXPECTATION = {"name": "even", "expect": "id % 2 = 0"}


@pytest.mark.parametrize(
    ("action", "kept", "quarantined", "dropped"),
    [("warn", [0, 1, 2, 3, 4], 0, 0), ("drop", [0, 2, 4], 0, 2), ("quarantine", [0, 2, 4], 2, 0)],
)
def test_run_expectation_does_what_its_action_says(
    local: Store, action: str, kept: list[int], quarantined: int, dropped: int
) -> None:
    path = land(local, "a.ndjson", *events(0, 5))
    pipeline = a_pipeline(local, expectations=[{**EXPECTATION, "action": action}])

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == kept
    assert (batch.rows_quarantined, batch.rows_dropped) == (quarantined, dropped)
    assert counts_of(pipeline)["files"]["unmet"] == {"even": 2}
    if action == "quarantine":
        assert refused(pipeline).select("path", "record", "reason", "raw").rows() == [
            (path, 2, "expectation:even", event(1)),
            (path, 4, "expectation:even", event(3)),
        ]


def test_run_expectation_that_fails_the_batch_commits_nothing(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 5), b"bad")
    pipeline = a_pipeline(local, expectations=[{**EXPECTATION, "action": "fail"}])

    with pytest.raises(ExpectationFailedError, match="even"):
        run(pipeline, SETTINGS)

    assert DeltaTable.is_deltatable(pipeline.table.uri) is False
    assert refused(pipeline).is_empty()
    assert list(Path(local.uri).rglob("lake/events/**/*.parquet")) == []
    corrected = a_pipeline(local, expectations=[{**EXPECTATION, "action": "drop"}])
    run_and_prove(corrected)
    assert ids(corrected) == [0, 2, 4]


def test_run_expectation_on_null_is_not_met(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1}', b'{"id": 2, "kind": "x"}')
    pipeline = a_pipeline(local, expectations=[{"name": "known", "expect": "kind <> ''", "action": "drop"}])

    run_and_prove(pipeline)

    assert ids(pipeline) == [2]


def test_run_record_that_fails_two_expectations_counts_once(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 10))
    pipeline = a_pipeline(
        local,
        expectations=[
            {"name": "even", "expect": "id % 2 = 0", "action": "quarantine"},
            {"name": "small", "expect": "id < 5", "action": "drop"},
            {"name": "tiny", "expect": "id < 2", "action": "warn"},
        ],
    )

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == [0, 2, 4]
    assert (batch.rows_quarantined, batch.rows_dropped) == (5, 2)
    assert counts_of(pipeline)["files"]["unmet"] == {"even": 5, "small": 2, "tiny": 2}


@pytest.mark.parametrize("expect", ["nobody = 1", "id + 1", "id ="])
def test_run_expectation_that_is_none_is_refused_before_anything_is_read(local: Store, expect: str) -> None:
    land(local, "a.ndjson", event(1))
    pipeline = a_pipeline(local, expectations=[{"name": "odd", "expect": expect, "action": "drop"}])

    with pytest.raises(ExpectationError, match="odd"):
        run(pipeline, SETTINGS)


def test_run_duplicate_keys_keep_the_first_across_files_and_count_by_file(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "kind": "first"}', b'{"id": 2}', b'{"id": 1, "kind": "again"}')
    land(local, "b.ndjson", b'{"id": 2, "kind": "late"}', b'{"id": 3}', b"bad", b'{"id": 1}')
    pipeline = a_pipeline(local, table={"key": ["id"]})

    (batch,) = run_and_prove(pipeline).batches

    assert dict(table(pipeline).select("id", "kind").iter_rows()) == {1: "first", 2: None, 3: None}
    assert (batch.rows_written, batch.rows_duplicate, batch.rows_quarantined) == (3, 3, 1)
    assert counts_of(pipeline)["files"]["duplicates"] == [1, 2]


def test_run_key_of_several_parts_tells_rows_apart(local: Store) -> None:
    lines = [b'{"id": 1, "actor": {"id": %d}}' % actor for actor in (1, 2, 1, 2, 3)]
    land(local, "a.ndjson", *lines)
    columns = {"id": "int64!", "actor": {"type": {"id": "int64!"}, "required": True}}
    pipeline = a_pipeline(local, columns, table={"key": ["id", "actor.id"]})

    (batch,) = run_and_prove(pipeline).batches

    assert (batch.rows_written, batch.rows_duplicate) == (3, 2)


def test_run_key_is_for_one_batch_only(local: Store) -> None:
    land(local, "a.ndjson", event(1))
    land(local, "b.ndjson", event(1))
    pipeline = a_pipeline(local, source={"max_files_per_batch": 1}, table={"key": ["id"]})

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 1]


def test_run_lineage_names_file_and_line_of_each_row(store: Store) -> None:
    first = land(store, "a.ndjson", event(1), b"", b"bad", event(4))
    second = land(store, "b.ndjson", b"", b"\r", event(3))
    store.put("landing/c.ndjson", b"\xef\xbb\xbf" + event(1) + b"\r\n" + event(2))
    pipeline = a_pipeline(store, lineage=True)

    run_and_prove(pipeline)

    found = table(pipeline).select("_file", "_record", "id").sort("_file", "_record").rows()
    assert found == [
        (first, 1, 1), (first, 4, 4), (second, 3, 3),
        (store.at("landing/c.ndjson"), 1, 1), (store.at("landing/c.ndjson"), 2, 2),
    ]  # fmt: skip


def test_run_makes_no_python_object_for_a_row(local: Store) -> None:
    few, many = most_blocks(local, 10_000), most_blocks(local, 200_000)
    objects = most_blocks(local, 200_000, transforms=[{"use": "tests.pipelines.steps:make_objects"}])

    assert many - few < 10_000
    assert objects - few > 150_000  # the measure sees them where there are some


def most_blocks(store: Store, records: int, **options: Any) -> int:
    """The most memory blocks of Python objects that a run over so many records adds, sampled all the time."""
    name = f"{records}-{len(options)}"
    land(store, f"{name}/a.ndjson", *events(0, records), *[b"bad"] * (records // 100))
    pipeline = a_pipeline(
        store,
        source={"uri": store.at(f"landing/{name}")},
        table={
            "uri": store.at(f"lake/{name}"),
            "key": ["id"],
            "partition_by": ["kind"],
            "sort_by": ["actor.id"],
        },
        expectations=[{"name": "known", "expect": "id % 1000 <> 0", "action": "quarantine"}],
        lineage=True,
        **options,
    )
    return most_while(lambda: run(pipeline, SETTINGS))


def most_while(work: Callable[[], object]) -> int:
    before, most, done = sys.getallocatedblocks(), 0, threading.Event()

    def sample() -> None:
        nonlocal most
        while not done.wait(0.0005):
            most = max(most, sys.getallocatedblocks())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        work()
    finally:
        done.set()
        sampler.join()
    return most - before

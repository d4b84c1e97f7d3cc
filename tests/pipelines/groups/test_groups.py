"""A batch that is written in groups is the batch that is written as a whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.committing import commit_batch
from pipelines.batch.planning import plan_batch
from pipelines.batch.writing import write_batch
from pipelines.errors import NotConservedError
from pipelines.groups.job import Job
from pipelines.groups.part import Part
from pipelines.groups.reach import is_grouped, whole_because
from pipelines.groups.split import split
from pipelines.groups.write import Grouped, write_group
from pipelines.proof.proof import prove
from pipelines.run import run
from pipelines.written_batch import PlannedBatch, WrittenBatch
from storage.errors import TableError
from storage.filesystem import delta_storage_options, open_filesystem
from storage.layout.partition_files import beside
from storage.layout.uploads import remove_files
from storage.maintenance.unneeded import unneeded
from storage.tables.content_hash import content_hash
from storage.tables.quarantine.records import quarantine_uri
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, counts_of, events, land, refused, table

WORKER = Settings(threads=1, memory_bytes=64 * 2**20, max_record_bytes=2**20, max_nesting=3)
"""Another process has settings of its own; those that decide over records must come with the job."""
FILES = 7
LATER_MS = 4_000_000_000_000
"""Years after every file was written."""


def group_pipeline(store: Store, name: str, **options: Any) -> Pipeline:
    """Every fate that does not depend on other files, over a table of its own."""
    table_options = {"uri": store.at(f"lake/{name}"), "partition_by": ["kind"], "sort_by": ["id"]}
    return a_pipeline(
        store,
        lineage=True,
        expectations=[
            {"name": "small", "expect": "id < 1000", "action": "drop"},
            {"name": "even", "expect": "id % 2 = 0", "action": "warn"},
        ],
        transforms=[
            {"sql": "select * from self where id <> 3"},
            {"sql": "select *, case when id % 5 = 0 then '' else kind end as part from self"},
        ],
        table={**table_options, "partition_by": ["part"], **options.pop("table", {})},
        **options,
    )


def land_all_fates(store: Store) -> None:
    """Seven files, one of them cut off, one empty, one of CSV-like rubbish, with records in all of them."""
    for number in range(FILES):
        first = 100 * number
        records = [*events(first, first + 10 * number), b"no json", b'{"id": 5000}', b'{"id": "x"}', b""]
        if number % 2:
            land(store, f"{number}.ndjson", *records)
        else:
            cut = gzip.compress(b"\n".join(records * 2))
            store.put(f"landing/{number}.ndjson.gz", cut[:-9] if number == 4 else cut)
    store.put("landing/empty.ndjson")


def planned_batch(pipeline: Pipeline) -> PlannedBatch:
    planned = plan_batch(pipeline)
    assert planned is not None
    return planned


def sent(job: Job) -> Job:
    """The job as another process gets it."""
    return Job.from_json(job.as_json())


def worked(job: Job, settings: Settings = WORKER) -> Part:
    """What another process gives back."""
    return Part.from_json(write_group(sent(job), settings).as_json())


def grouped_batch(pipeline: Pipeline, planned: PlannedBatch, most: int, lost: list[Part]) -> WrittenBatch:
    """Written in groups, the last one first, every other one twice: the first attempt's answer is lost."""
    grouped = Grouped(pipeline, planned, SETTINGS, most=most, smallest_bytes=1)
    parts: dict[int, Part] = {}
    for job in reversed(grouped.jobs):
        if job.group % 2:
            lost.append(worked(job))
        parts[job.group] = worked(job)
    written = grouped.joined([parts[job.group] for job in grouped.jobs])
    assert written is not None
    return written


def hashes(pipeline: Pipeline) -> tuple[str, str]:
    """Of the table, and of the quarantine."""
    uri = pipeline.table.uri
    rows = pl.scan_delta(uri, storage_options=delta_storage_options(uri) or None)
    return content_hash(rows), content_hash(refused(pipeline).lazy())


def counts(pipeline: Pipeline, number: int = 1) -> Mapping[str, Any]:
    """What the commit says, but for what the batch has cost."""
    cost = ("seconds_by_stage", "peak_memory_bytes")
    return {name: value for name, value in counts_of(pipeline, number).items() if name not in cost}


def test_batch_in_any_number_of_groups_is_the_batch_as_a_whole(store: Store) -> None:
    land_all_fates(store)
    whole = group_pipeline(store, "whole")
    run(whole, SETTINGS)

    for most in (1, 2, 3, 8):
        pipeline = group_pipeline(store, f"in_{most}")
        written = grouped_batch(pipeline, planned_batch(pipeline), most, [])
        commit_batch(pipeline, written)

        assert hashes(pipeline) == hashes(whole)
        assert counts(pipeline) == counts(whole)
        assert prove(pipeline, SETTINGS).violations == ()


@pytest.mark.parametrize("mode", ["upsert", "insert_new"])
@pytest.mark.parametrize("sort_by", [["value"], []])
def test_merge_of_groups_keeps_the_row_that_came_last_or_first(
    local: Store, mode: str, sort_by: list[str]
) -> None:
    columns = {"id": "int64", "value": "string"}
    for number, letter in enumerate("qwertz"):
        rows = [b'{"id": %d, "value": "%s%d"}' % (one % 4, letter.encode(), one) for one in range(9)]
        land(local, f"{number}.ndjson", *rows, b"{}")
    options: dict[str, Any] = {"mode": mode, "key": ["id"], "sort_by": sort_by}
    whole, grouped = (
        a_pipeline(local, columns, table={**options, "uri": local.at(f"lake/{name}")})
        for name in ("whole", "groups")
    )
    run(whole, SETTINGS)

    lost: list[Part] = []
    commit_batch(grouped, grouped_batch(grouped, planned_batch(grouped), 4, lost))

    assert hashes(grouped) == hashes(whole)
    assert set(table(grouped)["value"].str.head(1)) == {"z" if mode == "upsert" else "q"}
    assert prove(grouped, SETTINGS).violations == ()
    strangers = {file.path for part in lost for file in part.files}
    asides = {path.name for path in Path(grouped.table.uri).glob("*-aside.parquet")}
    assert asides == ({beside(path) for path in strangers} if sort_by else set())
    found = unneeded(grouped.table.uri, timedelta(0), LATER_MS).files["path"]
    assert set(found) >= strangers | asides


def test_group_with_new_fields_asks_for_the_whole_batch_and_leaves_no_file(local: Store) -> None:
    land(local, "0.ndjson", *events(0, 5))
    land(local, "1.ndjson", b'{"id": 9, "new": 1}')
    pipeline = a_pipeline(local, contract={"on_new_column": "add"})
    planned = planned_batch(pipeline)
    grouped = Grouped(pipeline, planned, SETTINGS, most=2, smallest_bytes=1)

    parts = [worked(job) for job in grouped.jobs]

    assert [part.grows for part in parts] == [False, True]
    assert grouped.joined(parts) is None
    assert is_empty(pipeline.table.uri)
    commit_batch(pipeline, write_batch(pipeline, planned, SETTINGS))
    assert table(pipeline)["new"].drop_nulls().to_list() == [1]


def test_groups_take_columns_in_that_the_table_remembers(local: Store) -> None:
    land(local, "0.ndjson", b'{"id": 9, "new": 1}')
    pipeline = a_pipeline(local, contract={"on_new_column": "add"})
    run(pipeline, SETTINGS)
    land(local, "1.ndjson", b'{"id": 10, "new": 2}')
    land(local, "2.ndjson", b'{"id": 11, "new": 3}', b'{"id": 12, "new": "x"}')

    commit_batch(pipeline, grouped_batch(pipeline, planned_batch(pipeline), 2, []))

    assert sorted(table(pipeline)["new"].drop_nulls()) == [1, 2, 3]
    assert prove(pipeline, SETTINGS).violations == ()


def test_file_that_is_not_there_stops_the_commit_and_removes_the_others(store: Store) -> None:
    land_all_fates(store)
    pipeline = group_pipeline(store, "lost")
    grouped = Grouped(pipeline, planned_batch(pipeline), SETTINGS, most=3, smallest_bytes=1)
    parts = [worked(job) for job in grouped.jobs]
    remove_files(pipeline.table.uri, [parts[1].files[0].path])

    with pytest.raises(TableError, match="same storage"):
        grouped.joined(parts)

    assert is_empty(pipeline.table.uri)
    assert is_empty(quarantine_uri(pipeline.table.uri))
    assert run(pipeline, SETTINGS).caught_up


def is_empty(uri: str) -> bool:
    filesystem, path = open_filesystem(uri)
    return not [one for one in filesystem.find(path) if one.endswith(".parquet")]


def test_groups_whose_counts_do_not_add_up_are_not_committed(local: Store) -> None:
    land_all_fates(local)
    pipeline = group_pipeline(local, "odd")
    grouped = Grouped(pipeline, planned_batch(pipeline), SETTINGS, most=2, smallest_bytes=1)
    first, second = [worked(job) for job in grouped.jobs]

    with pytest.raises(NotConservedError):
        grouped.joined([first, replace(second, files=second.files[1:])])


def test_failing_group_leaves_no_file(local: Store) -> None:
    land(local, "0.ndjson", *events(0, 5))
    pipeline = a_pipeline(local, expectations=[{"name": "few", "expect": "id < 4", "action": "fail"}])
    grouped = Grouped(pipeline, planned_batch(pipeline), SETTINGS, most=1)

    with pytest.raises(Exception, match="few"):
        worked(grouped.jobs[0])

    assert is_empty(pipeline.table.uri)


def test_job_and_part_are_small_and_say_nothing_of_credentials(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    land_all_fates(local)
    pipeline = group_pipeline(local, "told")
    grouped = Grouped(pipeline, planned_batch(pipeline), SETTINGS, most=2, smallest_bytes=1)

    told = [text for job in grouped.jobs for text in (job.as_json(), worked(job).as_json())]

    assert all("canary" not in text and "click" not in json.loads(text) for text in told)
    assert max(map(len, told)) < 20_000


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, None),
        ({"transforms": [{"sql": "select id, upper(kind) as k from self where id > 1"}]}, None),
        ({"transforms": [{"sql": "select kind, count(*) as n from self group by kind"}]}, "transform 1 sql"),
        ({"transforms": [{"sql": "select * from self order by id"}]}, "sort"),
        ({"transforms": [{"sql": "select * from self limit 3"}]}, "slice"),
        ({"transforms": [{"use": "tests.pipelines.groups.steps:with_a_row_more"}]}, "union"),
        ({"transforms": [{"use": "tests.pipelines.groups.steps:one_row"}]}, "in-memory-source"),
        ({"transforms": [{"use": "tests.pipelines.groups.steps:one_row_again"}]}, "in-memory-source"),
        ({"table": {"key": ["id"]}}, "one record of each key (id)"),
        ({"table": {"key": ["id"], "mode": "upsert"}}, None),
    ],
)
def test_batches_are_grouped_unless_rows_depend_on_others(
    local: Store, options: dict[str, Any], why: str | None
) -> None:
    land(local, "0.ndjson", *events(0, 5))
    pipeline = a_pipeline(local, **options)

    reasons = whole_because(pipeline)

    assert bool(reasons) == (why is not None)
    assert why is None or why in " ".join(reasons)
    assert is_grouped(pipeline, planned_batch(pipeline)) is (why is None)


SIZES = st.lists(st.integers(0, 2**40) | st.integers(0, 100), min_size=1, max_size=50)


@given(SIZES, st.integers(1, 60), st.integers(0, 1000))
@examples(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_split_keeps_all_files_in_order_in_even_groups(sizes: list[int], most: int, smallest: int) -> None:
    files = pl.DataFrame({"file": range(len(sizes)), "size": sizes})

    groups = split(files, most, smallest)

    assert pl.concat(groups).equals(files)
    assert all(group.height for group in groups)
    assert len(groups) <= most
    even = (sum(sizes) + len(sizes)) / len(groups)
    assert max(group["size"].sum() for group in groups) <= 2 * even + 2 * max(sizes) + 1

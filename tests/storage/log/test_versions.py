"""A table at its versions: what it holds, and what made it so."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.errors import NotFoundError
from storage.filesystem import delta_storage_options
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.log.versions import open_version, size_of, version_at, versions_of
from tests.conftest import Store
from tests.table_rows import rows_of


def write(uri: str, *numbers: int) -> None:
    write_deltalake(
        uri,
        pa.table({"id": pa.array(numbers, pa.int64())}),
        mode="append",
        storage_options=delta_storage_options(uri),
    )


def test_open_version_gives_the_rows_and_sizes_of_that_version(store: Store) -> None:
    uri = store.at("table")
    write(uri, 1, 2)
    write(uri, 3)

    old, new = open_version(uri, 0), open_version(uri)

    assert [table.version() for table in (old, new)] == [0, 1]
    assert sorted(rows_of(old).collect()["id"]) == [1, 2]
    assert sorted(rows_of(new).collect()["id"]) == [1, 2, 3]
    assert [(size_of(table).files, size_of(table).rows) for table in (old, new)] == [(1, 2), (2, 3)]
    assert 0 < size_of(old).bytes < size_of(new).bytes


@pytest.mark.parametrize("version", [2, 99, -1])
def test_open_version_that_is_not_there_names_those_that_are(version: int, store: Store) -> None:
    write(store.at("table"), 1)
    write(store.at("table"), 2)

    with pytest.raises(NotFoundError) as caught:
        open_version(store.at("table"), version)

    assert caught.value.expected == "a version from 0 to 1"


def test_open_version_of_no_table_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no table here"):
        open_version(store.at("nothing"))


def test_size_of_an_emptied_table_is_nothing(local_uri: str) -> None:
    write(local_uri, 1)
    DeltaTable(local_uri).delete()

    size = size_of(open_version(local_uri))

    assert (size.files, size.rows, size.bytes) == (0, 0, 0)


def test_versions_of_tell_batches_from_what_others_did(local_uri: str) -> None:
    frame = pl.DataFrame({"id": [1]})
    with TableWriter(local_uri, buffer_bytes=2**20) as writer:
        writer.write(frame)
        files = writer.finish()
    commit_batch(
        local_uri, None, app_id="events", batch=1, files=files, schema=frame.schema, metadata={"rows": 1}
    )
    write(local_uri, 2)

    versions = versions_of(open_version(local_uri))

    assert [(one.version, one.app_id, one.batch) for one in versions] == [(1, None, None), (0, "events", 1)]
    assert [dict(one.metadata) for one in versions] == [{}, {"rows": 1}]
    assert [one.operation for one in versions] == ["WRITE", "CREATE TABLE"]
    assert [one.version for one in versions_of(open_version(local_uri), 1)] == [1]


START = datetime(2026, 1, 1, tzinfo=UTC)


def committed_hourly(uri: str, versions: int, *, says_when: bool = True) -> None:
    """Versions whose commits say that they were made an hour after each other, or say nothing."""
    for version in range(versions):
        write(uri, version)
        log = Path(uri, "_delta_log", f"{version:020}.json")
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        made = int((START + timedelta(hours=version)).timestamp() * 1000)
        for one in actions:
            if "commitInfo" in one:
                one["commitInfo"] = {"timestamp": made} if says_when else {}
        log.write_text("\n".join(map(json.dumps, actions)))


@pytest.mark.parametrize(
    ("hours", "version"), [(0, 0), (0.5, 0), (1, 1), (2.999, 2), (3, 3), (4, 4), (9999, 4)]
)
def test_version_at_gives_the_newest_one_not_after(local_uri: str, hours: float, version: int) -> None:
    committed_hourly(local_uri, 5)

    assert version_at(local_uri, START + timedelta(hours=hours)) == version


def test_version_at_before_the_first_says_when_that_was(local_uri: str) -> None:
    committed_hourly(local_uri, 2)

    with pytest.raises(NotFoundError, match="not there yet") as caught:
        version_at(local_uri, START - timedelta(milliseconds=1))

    assert caught.value.expected == "not before 2026-01-01T00:00:00.000Z, version 0"


def test_version_at_of_no_table_is_not_found(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no table here"):
        version_at(store.at("nothing"), START)


def test_version_at_takes_zones_as_they_are_and_none_as_utc(local_uri: str) -> None:
    committed_hourly(local_uri, 5)

    east = datetime(2026, 1, 1, 4, 30, tzinfo=timezone(timedelta(hours=2)))
    assert version_at(local_uri, east) == 2
    assert version_at(local_uri, east.replace(tzinfo=None)) == 4


def test_version_at_where_the_log_was_cleaned_up_says_from_where_it_goes(local_uri: str) -> None:
    committed_hourly(local_uri, 5)
    DeltaTable(local_uri).create_checkpoint()
    for version in range(3):
        Path(local_uri, "_delta_log", f"{version:020}.json").unlink()

    assert version_at(local_uri, START + timedelta(hours=3)) == 3
    with pytest.raises(NotFoundError, match="does not go back that far") as caught:
        version_at(local_uri, START + timedelta(hours=2))
    assert caught.value.expected == "not before 2026-01-01T03:00:00.000Z, version 3"


def test_version_at_where_commits_do_not_say_when_goes_by_the_store(store: Store) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    uri = store.at("table")
    write(uri, 1)
    if not store.is_remote:
        committed_hourly(f"{uri}2", 2, says_when=False)
        uri = f"{uri}2"

    assert version_at(uri, datetime.now(UTC) + timedelta(minutes=1)) in (0, 1)
    with pytest.raises(NotFoundError, match="not there yet"):
        version_at(uri, before)


@pytest.fixture
def local_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a table may be made."""
    return str(tmp_path_factory.mktemp("lake") / "table")

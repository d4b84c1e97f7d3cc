"""Vacuum: what a reader, a batch under way or another table needs stays; all else that writers left goes."""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import TableError
from storage.maintenance.listing import list_table
from storage.maintenance.unneeded import unneeded
from storage.maintenance.vacuum import vacuum
from tests.conftest import Store
from tests.storage.maintenance.maintained import append, compacted, hash_of, opened

HOUR_MS = 3_600_000
NOW_MS = time.time_ns() // 1_000_000
"""The real time: delta-rs has no other."""
DAY = timedelta(days=1)
WEEK = 7 * DAY


def later(duration: timedelta) -> int:
    return time.time_ns() // 1_000_000 + int(duration.total_seconds() * 1000)


def two_batches_compacted(uri: str) -> None:
    for number in (1, 2):
        append(uri, pl.DataFrame({"id": [number], "day": ["a %"]}), partition_by=["day"])
    compacted(uri)


def test_vacuum_removes_files_that_left_long_ago(uri: str) -> None:
    two_batches_compacted(uri)
    before = hash_of(uri)

    found = unneeded(uri, WEEK, later(WEEK + DAY))
    done = vacuum(uri, found)

    assert (done.files, done.failed, done.bytes) == (2, 0, found.files["size"].sum())
    assert done.bytes > 0
    assert hash_of(uri) == before
    assert unneeded(uri, WEEK, later(WEEK + DAY)).files.is_empty()


def test_vacuum_keeps_what_readers_of_younger_versions_need(uri: str) -> None:
    two_batches_compacted(uri)
    before = hash_of(uri, 1)

    found = unneeded(uri, WEEK, later(WEEK - DAY))
    vacuum(uri, found)

    assert (found.files.height, found.spared) == (0, 2)
    assert hash_of(uri, 1) == before


def test_vacuum_removes_what_left_within_a_day_where_keep_is_short(local_uri: str) -> None:
    two_batches_compacted(local_uri)

    assert unneeded(local_uri, timedelta(hours=2), later(timedelta(hours=1))).files.height == 0
    assert unneeded(local_uri, timedelta(hours=2), later(timedelta(hours=3))).files.height == 2


def test_vacuum_spares_files_of_a_batch_under_way_for_a_day(store: Store) -> None:
    uri = store.at("table")
    two_batches_compacted(uri)
    store.put(f"table/day=a%20%25/part-{uuid.uuid4().hex}.parquet", b"1")
    store.put(f"table/day=new/compacted-{uuid.uuid4().hex}.parquet", b"12")

    assert unneeded(uri, timedelta(seconds=1), later(DAY / 2)).files.height == 2
    assert unneeded(uri, timedelta(seconds=1), later(DAY / 2)).spared == 2
    assert unneeded(uri, timedelta(seconds=1), later(DAY * 2)).files.height == 4


@pytest.mark.parametrize(
    "name",
    [
        "report.parquet",
        "notes-0123456789abcdef0123456789abcdef.txt",
        "_change_data/cdc-0123456789abcdef0123456789abcdef.parquet",
        ".hidden/part-0123456789abcdef0123456789abcdef.parquet",
        "inner/part-0123456789abcdef0123456789abcdef.parquet",
        "inner/day=1/part-0123456789abcdef0123456789abcdef.parquet",
    ],
)
def test_vacuum_never_touches_files_that_are_not_the_tables(local_uri: str, name: str) -> None:
    two_batches_compacted(local_uri)
    append(f"{local_uri}/inner", pl.DataFrame({"id": [1]}))
    path = Path(local_uri, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"1")

    assert name not in unneeded(local_uri, DAY, later(WEEK)).files["path"].to_list()


def test_vacuum_removes_what_dead_commits_left(local_uri: str) -> None:
    append(local_uri, pl.DataFrame({"id": [1]}))
    dead = Path(local_uri, "_delta_log", f".{1:020}.json.{uuid.uuid4().hex}")
    dead.write_bytes(b"{}")

    vacuum(local_uri, unneeded(local_uri, DAY, later(DAY / 2)))
    assert dead.exists()
    vacuum(local_uri, unneeded(local_uri, DAY, later(DAY * 2)))
    assert not dead.exists()


def test_vacuum_leaves_files_that_came_back_since_it_looked(local_uri: str) -> None:
    append(local_uri, pl.DataFrame({"id": [1]}))
    DeltaTable(local_uri).delete()
    found = unneeded(local_uri, DAY, later(WEEK))
    DeltaTable(local_uri).restore(0)

    assert found.files.height == 1
    assert vacuum(local_uri, found).files == 0
    assert pl.read_delta(local_uri).height == 1


@pytest.mark.parametrize("after", [timedelta(0), WEEK + DAY])
def test_vacuum_keeps_files_that_left_while_it_looked(
    local_uri: str, monkeypatch: pytest.MonkeyPatch, after: timedelta
) -> None:
    """Before that, the newest commit was of late, or long ago."""
    for number in (1, 2):
        append(local_uri, pl.DataFrame({"id": [number], "day": ["a %"]}), partition_by=["day"])
    at, before = later(after), hash_of(local_uri)

    def then_compacted(uri: str) -> pl.DataFrame:
        listing = list_table(uri)
        with monkeypatch.context() as clock:
            clock.setattr("storage.tables.replacing.actions.time.time_ns", lambda: at * 1_000_000)
            compacted(uri)
        return listing

    monkeypatch.setattr("storage.maintenance.unneeded.list_table", then_compacted)
    found = unneeded(local_uri, WEEK, at)
    vacuum(local_uri, found)

    assert (found.files.height, found.spared) == (0, 2)
    assert hash_of(local_uri, 1) == before


def test_vacuum_refuses_where_commits_of_the_time_are_gone(local_uri: str) -> None:
    two_batches_compacted(local_uri)
    opened(local_uri).create_checkpoint()
    for version in (0, 1):
        Path(local_uri, "_delta_log", f"{version:020}.json").unlink()

    with pytest.raises(TableError, match="left the table lately"):
        unneeded(local_uri, WEEK, later(DAY))
    assert unneeded(local_uri, WEEK, later(WEEK + DAY)).files.height == 2


def test_vacuum_refuses_where_the_log_names_files_by_uris(local_uri: str) -> None:
    append(local_uri, pl.DataFrame({"id": [1]}))
    log = Path(local_uri, "_delta_log", f"{0:020}.json")
    log.write_text(log.read_text().replace('"path":"part', f'"path":"file://{local_uri}/part'))

    with pytest.raises(TableError, match="more than their place"):
        unneeded(local_uri, DAY, later(WEEK))


@dataclass
class Model:
    """A table as a sequence of versions, in hours before now; and what must be kept of it."""

    versions: list[tuple[float, frozenset[str]]] = field(default_factory=list)
    files: dict[str, float] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)

    def needed(self, keep_hours: float) -> set[str]:
        """The files that must stay."""
        ends = [age for age, _ in self.versions[1:]] + [0.0]
        held = [files for end, (_, files) in zip(ends, self.versions, strict=True) if end <= keep_hours]
        young = {name for name in self.strangers if self.files[name] <= max(keep_hours, 24)}
        return young.union(*held)

    def write(self, folder: Path) -> None:
        """The log by hand, and empty files, all as old as they should be."""
        (folder / "_delta_log").mkdir()
        before: frozenset[str] = frozenset()
        for version, (age, files) in enumerate(self.versions):
            at = NOW_MS - int(age * HOUR_MS)
            info: dict[str, object] = {"timestamp": at}
            actions: list[dict[str, object]] = _first(at) if version == 0 else [{"commitInfo": info}]
            actions += [{"remove": _remove(path, at)} for path in sorted(before - files)]
            actions += [{"add": _add(path, at)} for path in sorted(files - before)]
            before = files
            log = folder / "_delta_log" / f"{version:020}.json"
            log.write_text("\n".join(map(json.dumps, actions)))
            os.utime(log, (at / 1000, at / 1000))
        for name, age in self.files.items():
            path = folder / name
            path.write_bytes(b"x")
            os.utime(path, (NOW_MS / 1000 - age * 3600,) * 2)


def _first(at: int) -> list[dict[str, object]]:
    schema = {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}
    return [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {
            "metaData": {
                "id": "t",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(schema),
                "partitionColumns": [],
                "configuration": {},
                "createdTime": at,
            }
        },
    ]


def _add(path: str, at: int) -> dict[str, object]:
    return {"path": path, "size": 1, "partitionValues": {}, "modificationTime": at, "dataChange": True}


def _remove(path: str, at: int) -> dict[str, object]:
    return {"path": path, "deletionTimestamp": at, "dataChange": False}


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Versions that add and take away files, some of which come back; and files of no version."""
    count = draw(st.integers(1, 6))
    ages = sorted(
        draw(st.lists(st.integers(1, 300), min_size=count, max_size=count, unique=True)), reverse=True
    )
    model, active = Model(), frozenset[str]()
    for number, age in enumerate(ages):
        left = {path for path in sorted(active) if draw(st.booleans())}
        back = {path for path in sorted(set(model.files) - active) if draw(st.booleans())}
        new = {f"part-{number}-{one}-{'0' * 32}.parquet" for one in range(draw(st.integers(0, 2)))}
        model.files |= dict.fromkeys(new, age + 0.5)
        active = frozenset((active - left) | back | new)
        model.versions.append((age + 0.25, active))
    for one in range(draw(st.integers(0, 3))):
        name = f"stranger-{one}-{'f' * 32}.parquet"
        model.strangers.add(name)
        model.files[name] = draw(st.integers(0, 300)) + 0.5
    return model


@given(models(), st.sampled_from([1, 12, 24, 48, 168]))
def test_vacuum_takes_exactly_what_the_model_does_not_need(model: Model, keep_hours: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        model.write(Path(name))

        found = unneeded(name, timedelta(hours=keep_hours), NOW_MS)

        assert set(found.files["path"]) == set(model.files) - model.needed(keep_hours)


@settings(max_examples=30)
@given(models(), st.sampled_from([1, 24, 168]))
def test_vacuum_takes_no_more_than_delta_rs(model: Model, keep_hours: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        model.write(Path(name))

        found = unneeded(name, timedelta(hours=keep_hours), NOW_MS)

        theirs = DeltaTable(name).vacuum(
            keep_hours, dry_run=True, enforce_retention_duration=False, full=True
        )
        assert set(found.files["path"]) <= set(theirs)

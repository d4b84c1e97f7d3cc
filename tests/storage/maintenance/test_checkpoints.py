"""Checkpoints when they are due; old ones go, and every version can still be read."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl

from storage.maintenance.checkpoints import (
    checkpoint,
    expire_log,
    read_log,
    remove_checkpoints,
    superfluous,
)
from tests.storage.maintenance.maintained import append, hash_of, opened

WEEK = timedelta(days=7)
LATER_MS = time.time_ns() // 1_000_000 + 8 * 86_400_000


def batches(uri: str, number: int) -> None:
    for one in range(number):
        append(uri, pl.DataFrame({"id": [one]}))


def test_checkpoint_is_due_after_as_many_commits_as_the_table_says(uri: str) -> None:
    batches(uri, 3)
    log = read_log(uri, opened(uri))
    assert (log.since, log.interval, log.is_due) == (3, 100, False)
    assert replace(log, interval=3).is_due

    checkpoint(uri, opened(uri))

    log = read_log(uri, opened(uri))
    assert (log.since, log.is_due) == (0, False)
    assert log.checkpoints["version"].to_list() == [2]


def test_checkpoints_that_are_old_go_and_every_version_can_be_read(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    versions = []
    for one in range(25):
        append(uri, pl.DataFrame({"id": [one]}))
        if one == 0:
            opened(uri).alter.set_table_properties({"delta.checkpointInterval": "2"})
        versions.append(hash_of(uri))
    log = read_log(uri, opened(uri))
    there = set(log.checkpoints["version"])

    old = superfluous(log, WEEK, LATER_MS)
    remove_checkpoints(uri, old)

    left = set(read_log(uri, opened(uri)).checkpoints["version"])
    assert len(there) > 8
    assert left == {19, max(there)}
    assert [hash_of(uri, version) for version in range(1, 26)] == [versions[0], *versions[1:]]


def test_checkpoints_that_are_young_stay(uri: str) -> None:
    batches(uri, 2)
    checkpoint(uri, opened(uri))
    batches(uri, 1)
    checkpoint(uri, opened(uri))

    assert superfluous(read_log(uri, opened(uri)), WEEK, LATER_MS - 2 * 86_400_000).is_empty()
    assert superfluous(read_log(uri, opened(uri)), WEEK, LATER_MS).height == 1


def test_checkpoint_that_readers_are_sent_to_stays(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    batches(uri, 2)
    checkpoint(uri, opened(uri))
    named = Path(uri, "_delta_log", "_last_checkpoint").read_bytes()
    batches(uri, 1)
    checkpoint(uri, opened(uri))
    Path(uri, "_delta_log", "_last_checkpoint").write_bytes(named)

    assert superfluous(read_log(uri, opened(uri)), WEEK, LATER_MS).is_empty()


def test_checkpoints_of_a_log_that_has_lost_its_beginning_stay(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    batches(uri, 2)
    checkpoint(uri, opened(uri))
    batches(uri, 1)
    checkpoint(uri, opened(uri))
    Path(uri, "_delta_log", f"{0:020}.json").unlink()

    assert superfluous(read_log(uri, opened(uri)), WEEK, LATER_MS).is_empty()


def test_log_of_a_table_of_ours_does_not_expire(uri: str) -> None:
    batches(uri, 3)
    checkpoint(uri, opened(uri))

    assert expire_log(uri, opened(uri)) == 0
    assert read_log(uri, opened(uri)).begins == 0


def test_log_expires_by_what_the_table_says(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    batches(uri, 3)
    opened(uri).alter.set_table_properties({"delta.logRetentionDuration": "interval 1 days"})
    checkpoint(uri, opened(uri))
    for file in Path(uri, "_delta_log").iterdir():
        os.utime(file, (time.time() - 3 * 86_400,) * 2)
    before = hash_of(uri)

    assert expire_log(uri, opened(uri)) == 3
    assert hash_of(uri) == before

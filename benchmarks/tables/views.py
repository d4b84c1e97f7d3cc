"""The same partition among fewer or more others: tables made of the files of one that is there.

Their log is written by hand, in one commit. Days beyond those that are there repeat their files under another
day, with the statistics they have, so that the log is as long as that of a table with so many days; bounds of
`ts` are those of the day that was repeated.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.tables.rows import Rows, day
from storage.layout.data_file import DataFile
from storage.tables.commits import commit_batch


def active_files(folder: Path) -> list[DataFile]:
    """The files of a local table without checkpoints that replaced its commits."""
    found: dict[str, DataFile] = {}
    for commit in sorted((folder / "_delta_log").glob("*.json")):
        for line in commit.read_text(encoding="utf-8").splitlines():
            match json.loads(line):
                case {"add": add}:
                    found[add["path"]] = DataFile(
                        add["path"],
                        add["size"],
                        json.loads(add["stats"])["numRecords"],
                        add["partitionValues"],
                        add["stats"],
                        add["modificationTime"],
                    )
                case {"remove": {"path": path}}:
                    del found[path]
    return list(found.values())


def build_view(source: Path, view: Path, days: int) -> bool:
    """A table of so many days, whose files are links to those of `source`; whether that is compacted."""
    files = list(_repeated(active_files(source), days))
    for original, file in files:
        target = view / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source / original.path, target)
    schema = next(Rows(100, days_per_batch=1).batch(0)).schema
    commit_batch(
        str(view),
        None,
        app_id="clicks",
        batch=1,
        files=[file for _, file in files],
        schema=schema,
        partition_by=["day"],
    )
    return bool(json.loads((source / "built.json").read_text(encoding="utf-8"))["compacted"])


def _repeated(files: list[DataFile], days: int) -> Iterator[tuple[DataFile, DataFile]]:
    """Each file of the first so many days, as it is and as it is called in the view."""
    by_day: dict[str | None, list[DataFile]] = {}
    for file in files:
        by_day.setdefault(file.partition_values["day"], []).append(file)
    for number in range(days):
        wanted = day(number).isoformat()
        for file in by_day[day(number % len(by_day)).isoformat()]:
            path = f"day={wanted}/{Path(file.path).name}"
            yield file, replace(file, path=path, partition_values={"day": wanted})

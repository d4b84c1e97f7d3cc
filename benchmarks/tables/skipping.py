"""What a query reads of a large table: `python -m benchmarks.tables.skipping [--turns N] [ROWS]`.

ROWS rows (100M by default) over 100 days, laid out by Penstock and naively (`build.py`). Two questions:

- one user on one day, in the table with the log that its batches left, in tables of 10, 100 and 1,000 such
  days with a log of one commit, and in the naive one;
- four hours about a midnight, by time alone, in a table sorted by time, and in the naive one.

Every engine fetches all columns of the rows. Bytes are those that the object store sends, counted by a proxy
before it, to a process that asks once; time is measured in turns after that, without the proxy, and on local
files. All engines must find the same rows. Goes to docs/benchmarks/skipping.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.compare import CACHE, RESULTS, parse_size
from benchmarks.machine import describe_machine
from benchmarks.tables.build import once
from benchmarks.tables.counting_proxy import counting_proxy
from benchmarks.tables.engines import ENGINES, Query
from benchmarks.tables.lake import Lake, say
from benchmarks.tables.matches import matching_bytes
from benchmarks.tables.page import keep
from benchmarks.tables.views import active_files, build_view
from storage.layout.data_file import DataFile
from tests.object_store import running_object_store

KINDS = ("by_user", "by_time", "naive")
VIEWS = {"by_user_10": 10, "by_user_100": 100, "by_user_1000": 1000}
DAY = "2026-01-04"
SPAN: Query = {"begin": f"{DAY}T22:00:00+00:00", "end": "2026-01-05T02:00:00+00:00"}
USER_OF_A_DAY, FOUR_HOURS = "one user on one day", "four hours"
CASES = {USER_OF_A_DAY: ("by_user", *VIEWS, "naive"), FOUR_HOURS: ("by_time", "naive")}
"""The tables that each question is asked of."""


def build_tables(folder: Path, rows: int) -> dict[str, dict[str, Any]]:
    """Builds what is not there; what is told of each table."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for kind in KINDS:
        command = [sys.executable, "-m", "benchmarks.tables.build", kind, str(folder / kind), str(rows)]
        told[kind] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    for name, days in VIEWS.items():
        told[name] = once(folder / name, partial(build_view, folder / "by_user", days=days))
    return told


def load(lake: Lake, files: Mapping[str, list[DataFile]]) -> None:
    """Puts the tables into the store; of the views what the question of a day may ask for."""
    for name, active in files.items():
        say(f"{name}: to the object store")
        wanted = [file for file in active if name not in VIEWS or DAY in file.path]
        lake.load(name, [file.path for file in wanted])


def questions(folder: Path, files: list[DataFile]) -> dict[str, Query]:
    """The two, the first about somebody whom the first file of the day holds in its middle."""
    path = next(file.path for file in files if DAY in file.path)
    users = pq.read_table(folder / path, columns=["user_id"])["user_id"]
    return {USER_OF_A_DAY: {"day": DAY, "user_id": users[len(users) // 2].as_py()}, FOUR_HOURS: SPAN}


def measure(lake: Lake, table: str, query: Query, turns: int) -> dict[str, Any]:
    """All engines, one question in one table."""
    found: dict[str, Any] = {}
    for engine in ENGINES:
        found[engine] = lake.ask(engine, table, query, turns)
        say(f"{table}: {engine}: {found[engine].get('error') or summary(found[engine])}")
    return found


def agree(case: Mapping[str, Any]) -> bool:
    """Whether all engines that answered found the same rows."""
    answers = {(one["rows"], one["sum"]) for one in case["engines"].values() if "error" not in one}
    return len(answers) == 1


def summary(one: Mapping[str, Any]) -> str:
    """A line for the terminal."""
    sent = f"{one['data'] / 1e6:.2f} MB of {one['files']} files, log {one['log'] / 1e6:.2f} MB"
    return (
        f"{one['rows']} rows, {sent}, {one['requests']} requests, {one['s3_s']} s, local {one['local_s']} s"
    )


def describe(files: list[DataFile], told: Mapping[str, Any]) -> dict[str, Any]:
    """A table, in numbers."""
    partitions = len({file.partition_values["day"] for file in files})
    return {"files": len(files), "partitions": partitions, "bytes": sum(one.size for one in files), **told}


def main() -> None:
    """Builds, measures and keeps the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("rows", nargs="?", default="100M", help="1M, 100M …")
    options = parser.parse_args()
    rows = parse_size(options.rows)
    folder = CACHE / "tables" / options.rows
    told = build_tables(folder, rows)
    files = {name: active_files(folder / name) for name in told}
    result: dict[str, Any] = {"rows": rows, "turns": options.turns, "machine": describe_machine()}
    result["tables"] = {name: describe(files[name], told[name]) for name in told}
    result["cases"] = []
    with running_object_store() as store, counting_proxy(store.endpoint) as proxy:
        lake = Lake(folder, store, proxy)
        load(lake, files)
        for question, query in questions(folder / "by_user", files["by_user"]).items():
            for table in CASES[question]:
                case: dict[str, Any] = {"question": question, "table": table}
                case["matching_bytes"] = matching_bytes(folder / table, files[table], query)
                case["engines"] = measure(lake, table, query, options.turns)
                result["cases"].append(case)
                keep("skipping", result, options.results)
    if differing := [case["table"] for case in result["cases"] if not agree(case)]:
        raise SystemExit(f"the engines do not agree about {', '.join(differing)}")


if __name__ == "__main__":
    main()

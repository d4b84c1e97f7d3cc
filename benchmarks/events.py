"""Generates nested events as NDJSON files: `python -m benchmarks.events FOLDER COUNT`.

Where the folder is there already, it is taken as it is. Prints files and bytes as JSON.

One event is about 280 bytes: identifiers, two structs, a list of up to three strings, an open payload
and a time stamp. The events span seven days from 2026-01-01 and come in order of time, except that
every fiftieth or so is late by up to two days, as producers with poor links are. The same arguments give
the same bytes; memory does not grow with the count, because one file is made at a time.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Literal

import duckdb

EVENTS_PER_FILE = 100_000

Compression = Literal["none", "gzip", "zstd"]
SUFFIXES: dict[Compression, str] = {"none": "", "gzip": ".gz", "zstd": ".zst"}

# The seeds (i*7, i*13 …) only keep the columns from being functions of one another.
EVENTS = """
select
    lpad(cast(10000000000 + i as varchar), 11, '0') as id,
    (['PushEvent', 'PullRequestEvent', 'WatchEvent', 'IssuesEvent', 'CreateEvent'])[1 + (hash(i) % 5)::int]
        as type,
    {{
        'id': (hash(i * 7) % 200000)::bigint,
        'login': 'user-' || (hash(i * 7) % 200000),
        'site_admin': hash(i) % 97 = 0
    }} as actor,
    {{
        'id': (hash(i * 13) % 50000)::bigint,
        'name': 'org-' || (hash(i * 13) % 5000) || '/repo-' || (hash(i * 13) % 50000)
    }} as repo,
    list_transform(range((hash(i * 3) % 4)::int), lambda x: 'tag-' || ((hash(i) % 1000000 + x) % 50)) as tags,
    {{
        'size': (hash(i * 17) % 20)::int,
        'ref': 'refs/heads/feature-' || (hash(i * 19) % 1000),
        'ratio': round((hash(i) % 100000) / 1000.0, 3)
    }} as payload,
    strftime(
        greatest(
            timestamp '2026-01-01' + to_milliseconds((i * 604800000.0 / {total})::bigint)
                - if(hash(i * 23) % 50 = 0, to_seconds((hash(i * 29) % 172800)::bigint), interval 0 hours),
            timestamp '2026-01-01'
        ),
        '%Y-%m-%dT%H:%M:%S.%gZ'
    ) as created_at
from range({first}, {last}) as events(i)
"""


def write_events(
    folder: Path,
    total: int,
    *,
    events_per_file: int = EVENTS_PER_FILE,
    compressions: tuple[Compression, ...] = ("none",),
) -> list[Path]:
    """Writes `total` events as `events-00000.ndjson` and so on; the compressions take turns."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with duckdb.connect() as connection:
        for number, first in enumerate(range(0, total, events_per_file)):
            compression = compressions[number % len(compressions)]
            path = folder / f"events-{number:05d}.ndjson{SUFFIXES[compression]}"
            query = EVENTS.format(first=first, last=min(first + events_per_file, total), total=total)
            connection.execute(f"copy ({query}) to '{path}' (format json, compression {compression})")
            paths.append(path)
    return paths


def main() -> None:
    """Writes the events that the command line asks for, whole or not at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        write_events(unfinished, arguments.count)
        unfinished.rename(folder)
    sizes = [path.stat().st_size for path in folder.iterdir()]
    print(json.dumps({"files": len(sizes), "bytes": sum(sizes)}))


if __name__ == "__main__":
    main()

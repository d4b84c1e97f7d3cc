"""Tables on this machine and in an object store, and engines that are asked about them, one process each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables.counting_proxy import CountingProxy
from benchmarks.tables.engines import Query
from storage.filesystem import open_filesystem
from tests.object_store import BUCKET, ObjectStore

READERS = Path(".readers/bin/python")
DEADLINE_S = 300


@dataclass(frozen=True)
class Lake:
    """A folder of tables; the store that holds the same; and a proxy before that, which counts."""

    folder: Path
    store: ObjectStore
    proxy: CountingProxy

    def load(self, table: str, paths: Iterable[str]) -> None:
        """Puts the log of a table and some of its files into the store."""
        os.environ.update(self.store.environment())
        client, bucket = open_filesystem(f"s3://{BUCKET}")
        log = (path for path in (self.folder / table / "_delta_log").iterdir() if path.is_file())

        def put(path: Path) -> None:
            client.pipe_file(f"{bucket}/{path.relative_to(self.folder)}", path.read_bytes())

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(put, [*(self.folder / table / path for path in paths), *log]))

    def ask(self, engine: str, table: str, query: Query, turns: int) -> dict[str, Any]:
        """What the store sent to an engine that asked once, and its median seconds; or its error."""
        remote, local = f"s3://{BUCKET}/{table}", str((self.folder / table).resolve())
        traffic = self.proxy.traffic
        traffic.reset()
        counted = self._ask(engine, remote, query, 1, self.proxy.endpoint)
        if "error" in counted:
            return counted
        sent = {name: getattr(traffic, name) for name in ("data", "log", "listings", "requests")}
        sent["files"] = sum("_delta_log" not in key and key.endswith(".parquet") for key in traffic.objects)
        timed = {
            f"{place}_s": _median(self._ask(engine, uri, query, turns, self.store.endpoint))
            for place, uri in (("s3", remote), ("local", local))
        }
        return {"rows": counted["rows"], "sum": counted["sum"], **sent, **timed}

    def _ask(self, engine: str, uri: str, query: Query, turns: int, endpoint: str) -> dict[str, Any]:
        """What `engines` prints."""
        python = str(READERS) if engine == "duckdb" else sys.executable
        arguments = [engine, uri, json.dumps(query), str(turns)]
        try:
            asked = subprocess.run(
                [python, "-m", "benchmarks.tables.engines", *arguments],
                check=False,
                capture_output=True,
                text=True,
                env=os.environ | self.store.environment() | {"AWS_ENDPOINT_URL": endpoint},
                timeout=DEADLINE_S,
            )
        except subprocess.TimeoutExpired:
            return {"error": f"no answer within {DEADLINE_S} s"}
        if asked.returncode:
            return {"error": (asked.stderr.strip().splitlines() or ["no word"])[-1][:300]}
        answer: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
        return answer


def _median(answer: dict[str, Any]) -> float | str:
    """Seconds, or the error."""
    return round(median(answer["seconds"]), 4) if "seconds" in answer else str(answer["error"])


def say(what: str) -> None:
    """Progress."""
    print(f"  {what}", file=sys.stderr, flush=True)

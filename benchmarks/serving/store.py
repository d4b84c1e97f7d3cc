"""Bytes that an object store sends for a selective query: to the server, and to `penstock scan`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.pipeline_file import EVENTS_PIPELINE
from benchmarks.serving.questions import DAYS, SELECTIVE, Selective
from benchmarks.serving.running import SERVE, ask, penstock, running
from benchmarks.tables.counting_proxy import Traffic, counting_proxy
from benchmarks.tables.lake import Lake
from benchmarks.tables.views import active_files
from tests.object_store import BUCKET, running_object_store


def beside_scan(lake_folder: Path, table: str, work: Path) -> dict[str, Any]:
    """Each question once to the server and once to `penstock scan`, over a copy of the table in a store.

    Args:
        lake_folder: Where the table is.
        table: Its name there.
        work: An empty folder, for the pipeline file.
    """
    files = [one.path for one in active_files(lake_folder / table) if DAYS[0] in one.path]
    pipeline = EVENTS_PIPELINE.format(name="events", landing=work, table=f"s3://{BUCKET}/{table}")
    (work / "events.yaml").write_text(pipeline, encoding="utf-8")
    with running_object_store() as store, counting_proxy(store.endpoint) as proxy:
        Lake(lake_folder, store, proxy).load(table, files)
        environment = {
            **store.environment(),
            "AWS_ENDPOINT_URL": proxy.endpoint,
            "PENSTOCK_PIPELINES": str(work),
        }
        return {name: _ask(one, environment, proxy.traffic) for name, one in SELECTIVE.items()}


def _ask(question: Selective, environment: Mapping[str, str], traffic: Traffic) -> dict[str, Any]:
    with running(*SERVE, environment=environment) as server:
        traffic.reset()
        rows = ask("benchmarks.serving.client", "adbc", server.uri, question.sql)["rows"]
        served = _sent(traffic)
    scan = penstock("scan", "events", "--where", question.where, "--select", question.columns, "--json")
    traffic.reset()
    done = subprocess.run(
        [sys.executable, *map(str, scan)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    if (found := len(json.loads(done.stdout))) != rows:
        raise SystemExit(f"{question}: the server found {rows} rows, the scan {found}")
    scanned = _sent(traffic)
    return {"rows": rows, "served": served, "scanned": scanned, "ratio": served["data"] / scanned["data"]}


def _sent(traffic: Traffic) -> dict[str, int]:
    return {"data": traffic.data, "log": traffic.log, "requests": traffic.requests}

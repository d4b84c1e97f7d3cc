"""Three pipelines and the upkeep of their one table, each in a process of its own, as a service runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import polars as pl
import pytest
import yaml

from storage.filesystem import delta_storage_options
from tests.conftest import Store

_PENSTOCK = [sys.executable, "-c", "from pipelines.cli import main; main()"]
_FILES, _ROWS = 3, 40
_DEADLINE_S = 180


def land(store: Store, pipeline: int, *, upserts: bool) -> None:
    """Files with rows of the pipeline's own; where it upserts, the same keys in each of them."""
    for file in range(_FILES):
        first = pipeline * 10_000 + (0 if upserts else file * _ROWS)
        rows = [{"id": first + row, "x": file, "p": f"p {row % 2}"} for row in range(_ROWS)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        store.put(f"landing{pipeline}/{file}.ndjson", lines.encode())


def spec(store: Store, folder: Path, pipeline: int, *, upserts: bool) -> str:
    table: dict[str, Any] = {"uri": store.at("table"), "partition_by": ["p"], "sort_by": ["id"]}
    if upserts:
        table |= {"mode": "upsert", "key": ["id", "p"], "order_by": ["x"]}
    document = {
        "name": f"pipeline_{pipeline}",
        "source": {"uri": store.at(f"landing{pipeline}/*.ndjson"), "max_files_per_batch": 1},
        "contract": {"columns": {"id": "int64!", "x": "int64!", "p": "string!"}},
        "table": table,
    }
    path = folder / f"{pipeline}.yaml"
    path.write_text(yaml.safe_dump(document))
    return str(path)


@dataclass(frozen=True)
class Command:
    """A process, and the file with what it says."""

    process: subprocess.Popen[bytes]
    said: Path

    @classmethod
    def start(cls, folder: Path, *arguments: str) -> Self:
        """Starts `penstock` with these arguments."""
        said = folder / f"{uuid4().hex}.log"
        environment = {**os.environ, "PENSTOCK_THREADS": "1"}
        with said.open("wb") as log:
            command = [*_PENSTOCK, *arguments]
            return cls(subprocess.Popen(command, stdout=log, stderr=log, env=environment), said)

    def ended(self) -> str:
        """What it said; it must have come to a good end."""
        status = self.process.wait(_DEADLINE_S)
        said = self.said.read_text()
        assert status == 0, said
        return said


@pytest.mark.s3
def test_pipelines_of_one_table_take_in_every_row_once_beside_its_upkeep(s3: Store, tmp_path: Path) -> None:
    modes = {1: False, 2: False, 3: True}
    for pipeline, upserts in modes.items():
        land(s3, pipeline, upserts=upserts)
    specs = [spec(s3, tmp_path, pipeline, upserts=upserts) for pipeline, upserts in modes.items()]

    Command.start(tmp_path, "run", specs[0], "--max-batches", "1").ended()
    runs = [Command.start(tmp_path, "run", one) for one in specs]
    while any(run.process.poll() is None for run in runs):
        Command.start(tmp_path, "maintain", specs[0], "--compact", "--checkpoint").ended()
    said = [run.ended() for run in runs]
    assert all("caught up" in one for one in said), said

    found = pl.scan_delta(s3.at("table"), storage_options=delta_storage_options(s3.uri) or None).collect()
    assert found.height == found["id"].n_unique() == 2 * _FILES * _ROWS + _ROWS
    assert set(found.filter(pl.col("id") >= 30_000)["x"]) == {_FILES - 1}
    for proof in [Command.start(tmp_path, "verify", one) for one in specs]:
        proof.ended()

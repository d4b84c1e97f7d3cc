"""One upsert by one contestant: `python -m benchmarks.tables.upsert_turn CONTESTANT FOLDER`.

FOLDER holds `table` and `changes`, and gets `steps.json`, the seconds of each step without the first imports.

penstock  the functions that `penstock run` calls, one after the other, on a landed file
delta-rs  `merge` as its documentation shows it, all else left to it; it knows no order of rows, so that
          a late older row would overwrite a newer one
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Steps = dict[str, float]

PIPELINE = """\
name: changes
source:
  uri: {folder}/changes
  format: parquet
contract:
  columns:
    id: int64!
    updated: timestamp[us, UTC]!
    name: string
    kind: string
    amount: float64
  on_new_column: fail
table:
  uri: {folder}/table
  mode: upsert
  key: [id]
  order_by: [updated]
  sort_by: [id]
"""


def with_penstock(folder: Path) -> Steps:
    """Plan, write, commit; the commit holds the merge."""
    from config.settings import Settings
    from config.spec_file import parse_pipeline
    from pipelines.batch.committing import commit_batch
    from pipelines.batch.planning import plan_batch
    from pipelines.batch.writing import write_batch

    pipeline = parse_pipeline(PIPELINE.format(folder=folder), file="changes.yaml")
    steps: Steps = {}
    planned = timed(steps, "plan", lambda: plan_batch(pipeline))
    assert planned is not None
    settings = Settings.from_environment()
    written = timed(steps, "decode and stage", lambda: write_batch(pipeline, planned, settings))
    timed(steps, "merge and commit", lambda: commit_batch(pipeline, written))
    return steps


def with_delta_rs(folder: Path) -> Steps:
    """Read, merge."""
    import pyarrow.parquet as pq
    from deltalake import DeltaTable

    steps: Steps = {}
    changes = timed(steps, "read", lambda: pq.read_table(folder / "changes"))
    timed(
        steps,
        "merge and commit",
        lambda: (
            DeltaTable(folder / "table")
            .merge(changes, "t.id = s.id", source_alias="s", target_alias="t")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        ),
    )
    return steps


def timed(steps: Steps, name: str, step: Callable[[], Any]) -> Any:
    """What the step gives; its seconds go to `steps`."""
    started = time.perf_counter()
    result = step()
    steps[name] = round(time.perf_counter() - started, 3)
    return result


CONTESTANTS = {"penstock": with_penstock, "delta-rs": with_delta_rs}


if __name__ == "__main__":
    taken = CONTESTANTS[sys.argv[1]](Path(sys.argv[2]))
    (Path(sys.argv[2]) / "steps.json").write_text(json.dumps(taken), encoding="utf-8")

"""The pipeline file over the generated events: the whole contract, as one would write it."""

from __future__ import annotations

from pathlib import Path

EVENTS_PIPELINE = """\
name: {name}
source:
  uri: {landing}
  format: ndjson
contract:
  columns:
    id: string!
    type: string!
    actor: {{id: int64!, login: string, site_admin: bool}}
    repo: {{id: int64!, name: string}}
    tags: [string]
    payload: json
    created_at: timestamp[us, UTC]!
  on_mismatch: quarantine
  on_new_column: rescue
transforms:
  - sql: select *, cast(created_at as date) as event_date from self
expectations:
  - {{name: known_type, expect: "type <> ''", action: quarantine}}
table:
  uri: {table}
  mode: append
  partition_by: [event_date]
  sort_by: [actor.id, created_at]
"""


def write_pipeline_file(path: Path, *, landing: Path, table: Path) -> None:
    """Writes the pipeline named like the file, from `landing` to `table`."""
    path.write_text(EVENTS_PIPELINE.format(name=path.stem, landing=landing, table=table), encoding="utf-8")

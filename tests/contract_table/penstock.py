"""What Penstock makes of the cases: whole runs, a pipeline for each column type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.run import run
from storage.tables.quarantine.records import quarantined
from tests.contract_table.canonical import canonical
from tests.contract_table.landing import Landed, landed
from tests.contract_table.meaning import json_value, plain
from tests.contract_table.outcome import Result

Key = tuple[int, str]
"""Number of the case, and format."""


def results(folder: Path) -> dict[Key, Result]:
    """The result of every case in every format; writes below `folder`, which is empty."""
    groups: dict[str, list[Landed]] = defaultdict(list)
    for one in landed():
        groups[repr(one.case.type)].append(one)
    found: dict[Key, Result] = {}
    for number, files in enumerate(groups.values()):
        found |= _run(folder / str(number), files)
    return found


def _run(folder: Path, files: list[Landed]) -> dict[Key, Result]:
    landing = folder / "landing"
    landing.mkdir(parents=True)
    for one in files:
        (landing / one.name).write_bytes(one.data)
    columns: dict[str, Any] = {"id": "int64!"}
    if files[0].case.type is not None:
        columns["value"] = files[0].case.type
    pipeline = Pipeline(
        name="cases",
        source={"uri": str(landing)},
        contract={"columns": columns},
        table={"uri": str(folder / "table")},
        lineage=True,
    )
    run(pipeline, Settings(threads=1))
    rows = pl.read_delta(pipeline.table.uri).to_dicts()
    refused = quarantined(pipeline.table.uri, pipeline.name).to_dicts()
    return {(one.number, one.format): _result(one.name, rows, refused) for one in files}


def _result(name: str, rows: list[dict[str, Any]], refused: list[dict[str, Any]]) -> Result:
    mine = [row for row in rows if row["_file"].endswith(f"/{name}")]
    rescued = [json_value(row["_rescued"]) for row in mine if row["_rescued"]]
    return Result(
        rows=[(canonical(row["id"]), canonical(row.get("value"))) for row in mine],
        reasons=tuple(one["reason"] for one in refused if one["path"].endswith(f"/{name}")),
        rescued=_canonical_fields(rescued[0]) if rescued else {},
        is_ours=True,
    )


def _canonical_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {path: canonical(plain(value)) for path, value in fields.items()}

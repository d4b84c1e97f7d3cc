"""What other engines make of the cases, each in a process of its own, which a file may crash."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.contract_table.foreign_types import arrow_type, duckdb_type, spark_type
from tests.contract_table.landing import Landed, column_of, landed
from tests.contract_table.outcome import Result, outcome_of

ROOT = Path(__file__).parents[2]
FORMATS = ("ndjson", "csv", "parquet")
"""Those that all engines read; JSON arrays and IPC are held to the same table."""


@dataclass(frozen=True)
class Findings:
    """The words of one engine: its version, and the outcome of each case by `number-format`."""

    version: str
    outcomes: dict[str, str]


def findings(python: Path, engine: str, folder: Path) -> Findings:
    """Runs an engine with the interpreter of its environment; writes the files below `folder`."""
    files = [one for one in landed() if one.format in FORMATS]
    described = [_described(one, folder) for one in files]
    version, answers = "", dict[str, dict[str, Any]]()
    while len(answers) < len(files):
        todo = folder / "todo.json"
        todo.write_text(json.dumps([one for one in described if one["key"] not in answers]), encoding="utf-8")
        for line in _lines(python, engine, todo):
            version = line.get("version", version)
            if "key" in line:
                answers[line["key"]] = line
        if not version:
            raise RuntimeError(f"{engine} does not start with {python}")
        crashed = [one["key"] for one in described if one["key"] not in answers][:1]
        answers |= {key: {"error": "crash"} for key in crashed}
    outcomes = {key_of(one): outcome_of(one, _result(answers[key_of(one)])) for one in files}
    return Findings(version, {key: str(one) for key, one in outcomes.items()})


def key_of(one: Landed) -> str:
    """The name of a case in a format, in the data that is kept."""
    return f"{one.number:02d}-{one.format}"


def save(found: Findings, path: Path) -> None:
    """Keeps the findings of an engine."""
    path.write_text(json.dumps(asdict(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Findings:
    """The findings that were kept."""
    return Findings(**json.loads(path.read_text(encoding="utf-8")))


def _lines(python: Path, engine: str, todo: Path) -> Iterator[dict[str, Any]]:
    command = [str(python), "-m", f"tests.contract_table.engines.{engine}_engine", str(todo)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    for line in ran.stdout.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _described(one: Landed, folder: Path) -> dict[str, str]:
    path = folder / one.format / one.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(one.data)
    column = column_of(one.case)
    fields = [("id", pa.int64()), *([("value", arrow_type(column.type))] if column else [])]
    schema = base64.b64encode(pa.schema(fields).serialize().to_pybytes()).decode()
    return {
        "key": key_of(one),
        "path": str(path),
        "format": one.format,
        "arrow": schema,
        "duckdb": duckdb_type(column.type) if column else "",
        "spark": spark_type(column.type) if column else "",
    }


def _result(answer: dict[str, Any]) -> Result:
    if "error" in answer:
        return Result(error=answer["error"])
    added = [extra for _, _, extra in answer["rows"] if extra is not None]
    rows = [(number, value) for number, value, _ in answer["rows"]]
    return Result(rows=rows, rescued={"extra": added[0]} if added else {})

"""Independent readers of tables, in the environment `.readers`, which shares nothing with ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

_PYTHON = Path(__file__).parents[1] / ".readers" / "bin" / "python"
_SCRIPT = Path(__file__).with_name("independent_reader.py")
_DEADLINE_S = 120

ENGINES = ("duckdb", "chdb", "daft")

needs_readers = pytest.mark.skipif(
    not _PYTHON.exists(), reason="needs an environment of its own: make readers"
)


def ask_duckdb(table: str, query: str) -> list[list[Any]]:
    """The rows of a query over the table `t`, as JSON has them."""
    rows: list[list[Any]] = json.loads(_run("query", table, query))
    return rows


def read_tables(engine: str, tables: Sequence[str], folder: Path) -> list[pa.Table | str]:
    """All rows of each table as one of ENGINES reads it, in its own types; where it cannot, its error.

    Args:
        folder: Of the answers; it must be empty.
    """
    _run(engine, str(folder), *tables)
    return [_answer(folder, number) for number in range(len(tables))]


def run_with_readers(script: Path, *arguments: str) -> None:
    """Runs a script in the environment `.readers`; it must succeed."""
    command = [str(_PYTHON), str(script), *arguments]
    asked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_DEADLINE_S)
    assert asked.returncode == 0, asked.stderr


def _answer(folder: Path, number: int) -> pa.Table | str:
    rows, error = folder / f"{number}.arrow", folder / f"{number}.error"
    return error.read_text() if error.exists() else pa.ipc.open_file(rows.read_bytes()).read_all()


def _run(*arguments: str) -> str:
    command = [str(_PYTHON), str(_SCRIPT), *arguments]
    asked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_DEADLINE_S)
    assert asked.returncode == 0, asked.stderr
    return asked.stdout

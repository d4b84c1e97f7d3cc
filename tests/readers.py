"""DuckDB as a reader of tables, in the environment `.readers`, which shares nothing with ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

_PYTHON = Path(__file__).parents[1] / ".readers" / "bin" / "python"
_DEADLINE_S = 60

needs_readers = pytest.mark.skipif(
    not _PYTHON.exists(), reason="needs an environment of its own: make readers"
)


def ask_duckdb(table: str, query: str) -> list[list[Any]]:
    """The rows of a query over the table `t`, as JSON has them."""
    script = Path(__file__).with_name("independent_reader.py")
    command = [str(_PYTHON), str(script), table, query]
    asked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_DEADLINE_S)
    assert (asked.returncode, asked.stderr) == (0, "")
    rows: list[list[Any]] = json.loads(asked.stdout)
    return rows

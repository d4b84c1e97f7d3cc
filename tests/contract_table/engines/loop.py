"""What the engines have in common: a list of files in, what became of each out, a line of JSON a file.

Imports nothing but the standard library and `canonical`: Spark runs in an environment of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.contract_table.canonical import canonical

Rows = Iterable[Mapping[str, Any]]
File = dict[str, str]
"""`key`, `path`, `format`; `duckdb` and `spark`: the type of the column `value`, or ""; `arrow`: a schema."""


def run_engine(version: str, read: Callable[[File], Rows]) -> None:
    """Reads every file of the list that the command line names, and prints the engine's version first."""
    _say({"version": version})
    for file in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        _say({"key": file["key"], **_outcome(read, file)})


def _outcome(read: Callable[[File], Rows], file: File) -> dict[str, Any]:
    try:
        names = ("id", "value", "extra")
        return {"rows": [[canonical(row.get(name)) for name in names] for row in read(file)]}
    except BaseException as error:  # noqa: BLE001 (a panic of Polars is no Exception)
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def _say(line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 (the answer to who started this process)

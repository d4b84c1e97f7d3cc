"""Prints a Delta table as DuckDB reads it: `PYTHON independent_reader.py TABLE QUERY`, one JSON document.

Runs in the environment `.readers` (`make readers`), with nothing of ours but this file. QUERY names the
table `t`. The extension comes from its package, so that nothing is downloaded.
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_delta

table, query = sys.argv[1:]
folder = Path(duckdb_extension_delta.__file__).parent / "extensions"
(extension,) = folder.glob("*/delta.duckdb_extension")
with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
    connection.execute(f"load '{extension}'")
    rows = connection.execute(f"with t as (from delta_scan('{table}')) {query}").fetchall()
sys.stdout.write(json.dumps(rows, default=str))

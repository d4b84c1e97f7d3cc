"""Reads Delta tables with engines that share nothing with us, in the environment `.readers` (`make readers`).

    PYTHON independent_reader.py query TABLE QUERY          one JSON document: the rows that DuckDB gives
    PYTHON independent_reader.py ENGINE FOLDER TABLE …      FOLDER/0.arrow, 1.arrow …: all rows of each table

QUERY names the table `t`. ENGINE is duckdb, chdb or daft; where it fails for a table, FOLDER/0.error has its
words. DuckDB's extension comes from its package, so that nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.update(DO_NOT_TRACK="1", DAFT_ANALYTICS_ENABLED="0", DAFT_PROGRESS_BAR="0")


def duckdb_connection() -> Any:
    import duckdb
    import duckdb_extension_delta

    folder = Path(duckdb_extension_delta.__file__).parent / "extensions"
    (extension,) = folder.glob("*/delta.duckdb_extension")
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"load '{extension}'")
    connection.execute("set timezone = 'UTC'")
    return connection


def quoted(table: str) -> str:
    return "'" + table.replace("'", "''") + "'"


def read_by_duckdb(table: str) -> Any:
    with duckdb_connection() as connection:
        return connection.execute(f"select * from delta_scan({quoted(table)})").to_arrow_table()


def read_by_chdb(table: str) -> Any:
    import chdb

    os.chdir("/")  # it reads nothing outside of the working directory
    as_bytes = "settings output_format_arrow_string_as_string = 0"  # it has no other type for binary
    return chdb.query(f"select * from deltaLakeLocal({quoted(table)}) {as_bytes}", "ArrowTable")


def read_by_daft(table: str) -> Any:
    import daft

    return daft.read_deltalake(table).to_arrow()


def write_all(read: Callable[[str], Any], folder: str, tables: Sequence[str]) -> None:
    import pyarrow as pa

    for number, table in enumerate(tables):
        try:
            rows = read(table)
            with pa.ipc.new_file(f"{folder}/{number}.arrow", rows.schema) as file:
                file.write_table(rows)
        except BaseException as error:  # noqa: BLE001 - engines in Rust and C++ panic, and the caller is told
            Path(folder, f"{number}.error").write_text(f"{type(error).__name__}: {error}")


def main(engine: str, first: str, *others: str) -> None:
    if engine == "query":
        with duckdb_connection() as connection:
            found = connection.execute(f"with t as (from delta_scan({quoted(first)})) {others[0]}").fetchall()
        sys.stdout.write(json.dumps(found, default=str))
    else:
        engines = {"duckdb": read_by_duckdb, "chdb": read_by_chdb, "daft": read_by_daft}
        write_all(engines[engine], first, others)


if __name__ == "__main__":
    main(*sys.argv[1:])

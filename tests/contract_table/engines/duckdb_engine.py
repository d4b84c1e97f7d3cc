"""DuckDB: text under columns; Parquet, inserted into a table of them."""

from __future__ import annotations

from typing import Any

import duckdb

from tests.contract_table.engines.loop import File, Rows, run_engine


def read(file: File) -> Rows:
    """The rows of one file."""
    types = {"id": "bigint", **({"value": file["duckdb"]} if file["duckdb"] else {})}
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        match file["format"]:
            case "ndjson":
                source = f"read_json('{file['path']}', format = 'newline_delimited', columns = {{{columns}}})"
            case "csv":
                source = f"read_csv('{file['path']}', header = true, columns = {{{columns}}})"
            case _:
                definition = ", ".join(f"{name} {kind}" for name, kind in types.items())
                connection.execute(f"create table target ({definition})")
                connection.execute(
                    f"insert into target by name select {', '.join(types)} from '{file['path']}'"
                )
                source = "target"
        found = connection.execute(f"from {source}").to_arrow_table()
        assert found is not None
        rows: list[dict[str, Any]] = found.to_pylist()
    return rows


if __name__ == "__main__":
    run_engine(duckdb.__version__, read)

"""Asks a Flight SQL server through pandas, in the environment `.readers`, which has it.

PYTHON pandas_client.py query URI STATEMENT FILE    the answer as an Arrow IPC file
PYTHON pandas_client.py table URI NAME FILE         the same of a table, by its name
PYTHON pandas_client.py run CODE                    runs Python of the documents
"""

from __future__ import annotations

import sys


def main(what: str, *rest: str) -> None:
    """Does one of the above."""
    if what == "run":
        exec(rest[0], {})
        return
    import adbc_driver_flightsql.dbapi as flight_sql
    import pandas as pd
    import pyarrow as pa

    uri, asked, file = rest
    read = pd.read_sql if what == "query" else pd.read_sql_table
    with flight_sql.connect(uri, autocommit=True) as connection:
        table = pa.Table.from_pandas(read(asked, connection, dtype_backend="pyarrow"))
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    main(*sys.argv[1:])

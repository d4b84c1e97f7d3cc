"""DuckDB `COPY … PARTITION_BY`: no sort, no checks beyond its casts, no quarantine, no commit."""

from __future__ import annotations

import sys

import duckdb

landing, output = sys.argv[1:]
with duckdb.connect() as connection:
    connection.execute(
        f"""
        copy (
            select *, cast(created_at as date) as event_date
            from read_json('{landing}/*.ndjson', format = 'newline_delimited', columns = {{
                id: 'VARCHAR',
                type: 'VARCHAR',
                actor: 'STRUCT(id BIGINT, login VARCHAR, site_admin BOOLEAN)',
                repo: 'STRUCT(id BIGINT, name VARCHAR)',
                tags: 'VARCHAR[]',
                payload: 'JSON',
                created_at: 'TIMESTAMPTZ'
            }})
        ) to '{output}' (format parquet, partition_by (event_date), compression zstd, compression_level 1)
        """
    )

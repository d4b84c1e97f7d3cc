"""Asks one engine one question in turns: `python -m benchmarks.tables.engines ENGINE TABLE QUERY TURNS`.

Each turn opens the table anew, and fetches all columns of the rows that QUERY, a JSON object, describes.
Prints the seconds of each turn, and of the answer its rows and the sum of `value`, as JSON. Libraries are
imported before. The store is that of the `AWS_…` variables. Nothing of ours is imported but Penstock's own
reader, so that DuckDB can run in the environment that holds its extensions.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import polars as pl

Answer = tuple[int, float]
"""The rows, and the sum of their values."""
Ask = Callable[[], Answer]
Query = dict[str, Any]
"""`day` and `user_id`: rows of one user in one partition. `begin` and `end`: rows of a span of time."""


def sql_of(query: Query) -> str:
    """The condition as all SQL engines take it."""
    if "user_id" in query:
        return f"day = date '{query['day']}' and user_id = {query['user_id']}"
    begin, end = (f"timestamp '{query[name]}'" for name in ("begin", "end"))
    return f"ts >= {begin} and ts < {end}"


def options() -> dict[str, str]:
    """What leads to the store."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def expression_of(query: Query) -> pl.Expr:
    """The condition for Polars."""
    import datetime as dt

    import polars as pl

    if "user_id" in query:
        day = dt.date.fromisoformat(query["day"])
        return pl.col("day").eq(day) & pl.col("user_id").eq(query["user_id"])
    begin, end = (dt.datetime.fromisoformat(query[name]) for name in ("begin", "end"))
    return pl.col("ts").ge(begin) & pl.col("ts").lt(end)


def penstock(uri: str, query: Query) -> Ask:
    """The lazy frame of Penstock's reader."""
    from storage.skipping.reader import read_table

    where = expression_of(query)
    return lambda: _of_frame(read_table(uri).lazy().filter(where))


def penstock_batches(uri: str, query: Query) -> Ask:
    """The stream of Penstock's reader."""
    import pyarrow as pa

    from storage.skipping.reader import read_table

    where = expression_of(query)
    return lambda: _of_arrow(pa.Table.from_batches(read_table(uri).batches(where)))


def polars(uri: str, query: Query) -> Ask:
    """`scan_delta` and a filter."""
    import polars as pl

    where = expression_of(query)
    return lambda: _of_frame(pl.scan_delta(uri, storage_options=options()).filter(where))


def datafusion(uri: str, query: Query) -> Ask:
    """DataFusion, as delta-rs holds it."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    sql = f"select * from t where {sql_of(query)}"

    def ask() -> Answer:
        builder = QueryBuilder().register("t", DeltaTable(uri, storage_options=options()))
        return _of_arrow(pa.table(builder.execute(sql).read_all()))

    return ask


def pyarrow(uri: str, query: Query) -> Ask:
    """A dataset of pyarrow, as delta-rs makes it."""
    import datetime as dt

    import pyarrow.dataset as ds
    from deltalake import DeltaTable

    if "user_id" in query:
        day = dt.date.fromisoformat(query["day"])
        where = (ds.field("day") == day) & (ds.field("user_id") == query["user_id"])
    else:
        begin, end = (dt.datetime.fromisoformat(query[name]) for name in ("begin", "end"))
        where = (ds.field("ts") >= begin) & (ds.field("ts") < end)

    def ask() -> Answer:
        dataset = DeltaTable(uri, storage_options=options()).to_pyarrow_dataset()
        return _of_arrow(dataset.to_table(filter=where))

    return ask


def duckdb(uri: str, query: Query) -> Ask:
    """DuckDB with its own reader of Delta tables; a connection a turn, because it keeps what it has read."""
    import duckdb as engine

    sql = f"create temp table answer as from delta_scan('{uri}') where {sql_of(query)}"

    def ask() -> Answer:
        with engine.connect(config={"allow_unsigned_extensions": "true"}) as connection:
            _load_extensions(connection, uri)
            connection.execute(sql)
            ((rows, total),) = connection.execute("select count(*), sum(value) from answer").fetchall()
            return rows, total or 0.0

    return ask


def _load_extensions(connection: Any, uri: str) -> None:
    for name in ("httpfs", "delta"):
        (folder,) = import_module(f"duckdb_extension_{name}").__path__
        (extension,) = (Path(folder) / "extensions").glob(f"*/{name}.duckdb_extension")
        connection.execute(f"load '{extension}'")
    connection.execute("set timezone = 'UTC'")
    if uri.startswith("s3://"):
        store = options()
        connection.execute(
            f"create secret (type s3, region 'us-east-1', use_ssl false, url_style 'path', "
            f"key_id '{store['AWS_ACCESS_KEY_ID']}', secret '{store['AWS_SECRET_ACCESS_KEY']}', "
            f"endpoint '{urlsplit(store['AWS_ENDPOINT_URL']).netloc}')"
        )


def _of_frame(rows: pl.LazyFrame) -> Answer:
    found = rows.collect(engine="streaming")
    return found.height, float(found["value"].sum())


def _of_arrow(table: Any) -> Answer:
    import pyarrow.compute as pc

    return table.num_rows, pc.sum(table["value"]).as_py() or 0.0


ENGINES: dict[str, Callable[[str, Query], Ask]] = {
    "penstock": penstock,
    "penstock-batches": penstock_batches,
    "polars": polars,
    "duckdb": duckdb,
    "datafusion": datafusion,
    "pyarrow": pyarrow,
}


def main() -> None:
    """Measures and prints."""
    name, uri, query, turns = sys.argv[1:]
    ask = ENGINES[name](uri, json.loads(query))
    seconds = []
    for _ in range(int(turns)):
        started = time.perf_counter()
        rows, total = ask()
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"seconds": seconds, "rows": rows, "sum": round(total, 2)}))


if __name__ == "__main__":
    main()

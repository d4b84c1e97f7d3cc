"""Chains of tables in a test's own store: landing zone, bronze, silver, gold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from deltalake import DeltaTable, write_deltalake

from config.pipeline import Pipeline
from storage.filesystem import delta_storage_options
from tests.conftest import Store
from tests.pipelines.taking_in import a_pipeline, land

COLUMNS = {"id": "int64!", "day": "date!", "amount": "int64"}
TOTALS = "select day, count(*) as sales, sum(amount) as amount from self group by day"


def sale(number: int, day: int | None = None) -> bytes:
    """A record of `COLUMNS`: ten days, unless one is given."""
    at = number % 10 if day is None else day
    return b'{"id": %d, "day": "2026-01-%02d", "amount": %d}' % (number, at + 1, number * 3)


def land_sales(store: Store, name: str, first: int, past: int) -> None:
    """Records with the ids from `first` up to `past`, which is left out."""
    land(store, name, *(sale(number) for number in range(first, past)))


def bronze(store: Store, **options: Any) -> Pipeline:
    """Of what lands, by day."""
    table = {"uri": store.at("lake/bronze"), "partition_by": ["day"], **options.pop("table", {})}
    return a_pipeline(store, COLUMNS, name="bronze", table=table, **options)


def follower(
    store: Store, name: str = "silver", *, of: str = "bronze", source: Mapping[str, Any] | None = None,
    table: Mapping[str, Any] | None = None, **options: Any,
) -> Pipeline:  # fmt: skip
    """A pipeline from the table `of` to one of its own name."""
    return Pipeline(
        name=name,
        source={"table": store.at(f"lake/{of}"), **(source or {})},
        table={"uri": store.at(f"lake/{name}"), **(table or {})},
        **options,
    )


def silver(store: Store, **options: Any) -> Pipeline:
    """Sales with a column more, by day."""
    steps = [{"sql": "select *, amount * 2 as twice from self"}]
    return follower(store, table={"partition_by": ["day"]}, transforms=steps, **options)


def gold(store: Store, *, of: str = "silver", **options: Any) -> Pipeline:
    """The sales of each day, which are counted again where a day has changed."""
    source = {"read": "partitions", **options.pop("source", {})}
    table = {"partition_by": ["day"], "mode": "replace"}
    return follower(store, "gold", of=of, source=source, table=table, transforms=[{"sql": TOTALS}], **options)


def delta(store: Store, name: str) -> DeltaTable:
    """A table of the lake, for writers that are not Penstock."""
    uri = store.at(f"lake/{name}")
    return DeltaTable(uri, storage_options=delta_storage_options(uri) or None)


def write(store: Store, name: str, rows: pl.DataFrame, **options: Any) -> None:
    """Writes `rows` to a table of the lake as delta-rs does."""
    uri = store.at(f"lake/{name}")
    write_deltalake(uri, rows.to_arrow(), storage_options=delta_storage_options(uri) or None, **options)


def rows_of(store: Store, name: str, version: int | None = None) -> pl.DataFrame:
    """All rows of a table of the lake."""
    uri = store.at(f"lake/{name}")
    options = delta_storage_options(uri) or None
    return pl.scan_delta(uri, version=version, storage_options=options).collect()


def totals(store: Store, of: str = "silver") -> list[tuple[Any, ...]]:
    """What `gold` must hold, counted from scratch; sorted."""
    return sorted(rows_of(store, of).sql(TOTALS).rows())

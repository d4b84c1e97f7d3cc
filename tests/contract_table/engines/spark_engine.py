"""Spark, in an environment of its own: every format under a schema, with the defaults of the reader."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyspark
from pyspark.sql import Row, SparkSession

from tests.contract_table.engines.loop import File, Rows, run_engine


def main() -> None:
    """Starts a session in UTC, in which Python sees instants as the session does."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.timeType.enabled", "true")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")

    def read(file: File) -> Rows:
        schema = f"id bigint{', value ' + file['spark'] if file['spark'] else ''}"
        reader = session.read.schema(schema)
        match file["format"]:
            case "ndjson":
                frame = reader.json(file["path"])
            case "csv":
                frame = reader.option("header", True).option("multiLine", True).csv(file["path"])
            case _:
                frame = reader.parquet(file["path"])
        return [_plain(row, file["spark"] == "timestamp") for row in frame.collect()]

    run_engine(pyspark.__version__, read)


def _plain(row: Row, instants: bool) -> Mapping[str, Any]:
    values: dict[str, Any] = row.asDict(recursive=True)
    if instants and isinstance(values["value"], datetime):
        values["value"] = values["value"].replace(tzinfo=UTC)
    return values


if __name__ == "__main__":
    main()

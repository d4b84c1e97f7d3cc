"""Pipelines that upsert, insert new rows and replace, and what must come of their three files."""

from __future__ import annotations

from typing import Any, Literal

from config.pipeline import Pipeline
from tests.conftest import Store
from tests.pipelines.taking_in import a_pipeline, land, table

Mode = Literal["upsert", "insert_new", "replace"]
MODES: tuple[Mode, ...] = ("upsert", "insert_new", "replace")
COLUMNS = {"part": "string", "id": "int64", "at": "int64", "value": "string"}


def merging_pipeline(store: Store, mode: Mode, name: str = "events", **table_options: Any) -> Pipeline:
    """One file a batch; partitioned, sorted against the order of arrival."""
    options: dict[str, Any] = {"mode": mode, "partition_by": ["part"], "sort_by": ["value"]}
    if mode != "replace":
        options["key"] = ["part", "id"]
    if mode == "upsert":
        options["order_by"] = ["at"]
    return a_pipeline(
        store,
        COLUMNS,
        name=name,
        source={"max_files_per_batch": 1},
        contract={"on_new_column": "ignore"},
        table={**options, **table_options},
    )


def record(part: str, number: int, at: int, value: str) -> bytes:
    """A record of `COLUMNS`."""
    return b'{"part": "%s", "id": %d, "at": %d, "value": "%s"}' % (part.encode(), number, at, value.encode())


def land_three_overlapping(store: Store) -> None:
    """The second file meets rows of the first one, older and newer; the third all of the second."""
    land(
        store,
        "0.ndjson",
        *(record("x", number, 5, "zero") for number in range(10)),
        record("y", 1, 5, "zero"),
    )
    seconds = (record("x", number, number, "one") for number in range(3, 13))
    land(store, "1.ndjson", b"bad", *seconds, record("x", 12, 12, "again"), b'{"part": "x"}')
    land(store, "2.ndjson", *(record("x", number, 20, "two") for number in range(10, 14)))


def outcome(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    """All rows, in the order of their keys and values."""
    return table(pipeline).select(list(COLUMNS)).sort(list(COLUMNS)).rows()


Y = ("y", 1, 5, "zero")
EXPECTED: dict[Mode, list[tuple[Any, ...]]] = {
    "upsert": [
        *(("x", number, 5, "zero") for number in range(5)),
        *(("x", number, number, "one") for number in range(5, 10)),
        *(("x", number, 20, "two") for number in range(10, 14)),
        Y,
    ],
    "insert_new": [
        *(("x", number, 5, "zero") for number in range(10)),
        *(("x", number, number, "one") for number in range(10, 13)),
        ("x", 13, 20, "two"),
        Y,
    ],
    "replace": [*(("x", number, 20, "two") for number in range(10, 14)), Y],
}
"""What the table holds after the three files, in their order."""

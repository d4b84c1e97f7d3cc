"""Partition values that no path could hold as they are: they come back the same, or go aside."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Store
from tests.pipelines.taking_in import (
    a_pipeline,
    event,
    ids,
    land,
    refused,
    run_and_prove,
    table,
)

PARTITION_VALUES = [
    "a/b",
    "/",
    "..",
    "../../etc",
    ".",
    "100%",
    "%2F",
    "%",
    "a\nb",
    "a\\b",
    "é",
    "a b",
    "a=b",
    "null",
]


@pytest.mark.parametrize("transformed", [False, True], ids=["contract", "transform"])
def test_run_odd_partition_values_come_back_as_they_were(store: Store, transformed: bool) -> None:
    records = [json.dumps({"id": n, "kind": kind}).encode() for n, kind in enumerate(PARTITION_VALUES)]
    land(store, "a.ndjson", *records, b'{"id": 99}', event(100))
    pipeline = a_pipeline(store, **partitioned(transformed=transformed))

    run_and_prove(pipeline)

    column = "part" if transformed else "kind"
    found = dict(table(pipeline).select("id", column).iter_rows())
    assert found == dict(enumerate(PARTITION_VALUES)) | {99: None, 100: "click"}
    assert refused(pipeline).is_empty()


UNSTORABLE = {
    "empty": "",
    "null in a path": "__HIVE_DEFAULT_PARTITION__",
    "5,000 letters": "x" * 5_000,
    "100 characters": "水" * 100,
}


@pytest.mark.parametrize("value", UNSTORABLE.values(), ids=UNSTORABLE)
def test_run_partition_value_that_no_table_can_hold_quarantines_its_record(local: Store, value: str) -> None:
    record = json.dumps({"id": 2, "kind": value}, ensure_ascii=False).encode()
    path = land(local, "a.ndjson", event(1), record, event(3))
    pipeline = a_pipeline(local, **partitioned(transformed=False))

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 3]
    ((found, number, reason, column, raw),) = (
        refused(pipeline).select("path", "record", "reason", "column", "raw").iter_rows()
    )
    assert (found, number, reason, column) == (path, 2, "unstorable_partition_value", "kind")
    assert raw == record


@pytest.mark.parametrize("value", UNSTORABLE.values(), ids=UNSTORABLE)
def test_run_partition_value_made_by_a_transform_quarantines_its_row(local: Store, value: str) -> None:
    land(local, "a.ndjson", event(1), json.dumps({"id": 2, "kind": value}).encode(), event(3))
    pipeline = a_pipeline(local, **partitioned(transformed=True))

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == [1, 3]
    assert (batch.rows_written, batch.rows_quarantined) == (2, 1)
    ((path, number, reason, raw),) = refused(pipeline).select("path", "record", "reason", "raw").iter_rows()
    assert (path, number, reason) == (None, None, "unstorable_partition_value")
    assert json.loads(raw)["part"] == value


def test_run_row_that_no_partition_holds_is_kept_with_values_of_every_type(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "b": "/w==", "c": "DE", "t": "12:30:00.5", "d": 0.10, "f": 1e300}')
    pipeline = a_pipeline(
        local,
        {"id": "int64", "b": "binary", "c": "dictionary", "t": "time", "d": "decimal(9,2)", "f": "float64"},
        transforms=[{"sql": "select *, '' as part, f * 1e300 as infinite from self"}],
        table={"partition_by": ["part"]},
    )

    run_and_prove(pipeline)

    (raw,) = refused(pipeline)["raw"]
    assert json.loads(raw, parse_float=str) == {
        "id": 1,
        "b": "/w==",
        "c": "DE",
        "t": "12:30:00.500000",
        "d": "0.10",
        "f": "1e+300",
        "part": "",
        "infinite": "Infinity",
    }


def partitioned(*, transformed: bool) -> dict[str, Any]:
    if not transformed:
        return {"table": {"partition_by": ["kind"]}}
    return {
        "table": {"partition_by": ["part"]},
        "transforms": [{"sql": "select id, kind as part from self"}],
    }

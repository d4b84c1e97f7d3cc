"""Fields that no contract names: each value is in a column or in `_rescued`, whatever it is and came in."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.pipeline import Pipeline
from pipelines import run as running
from pipelines.batch.committing import commit_batch
from pipelines.replay import replay
from pipelines.written_batch import WrittenBatch
from storage.tables.delta import open_table
from storage.tables.schema.evolution import marks_of
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, ids, land, proof_of, refused, run_and_prove, table

ADD = {"on_new_column": "add", "on_mismatch": "rescue"}
NAMES = ["a", "A", "b", "c-d", "@t", "no name", "_file"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
    | st.sampled_from(["2026-01-02", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05"])
)
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["x", "y"]), scalars)
records = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)


def exact(text: str) -> Any:
    """A JSON text as Python has it, its numbers exact."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def said(value: Any, kind: str) -> Any:
    """The JSON value that a column of the table has, exact."""
    if kind == "json":
        return exact(value)
    if kind == "date":
        return value.isoformat()
    if kind.startswith("timestamp"):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return exact(json.dumps(value))


@settings(max_examples=10)
@given(batches=st.lists(st.lists(records, min_size=1, max_size=4), min_size=1, max_size=3))
def test_run_keeps_every_value_of_new_fields(batches: list[list[dict[str, Any]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        pipeline = a_pipeline(store, {"id": "int64!"}, contract=ADD, source={"max_files_per_batch": 1})
        landed: list[dict[str, Any]] = []
        for number, batch in enumerate(batches):
            lines = []
            for fields in batch:
                lines.append(json.dumps({"id": len(landed), **fields}).encode())
                landed.append(fields)
            land(store, f"{number}.ndjson", *lines)

        run_and_prove(pipeline)

        marks = marks_of(open_table(pipeline.table.uri))
        rows = table(pipeline).sort("id").to_dicts()
        assert len(rows) == len(landed)
        for row, fields in zip(rows, landed, strict=True):
            told = found(row, marks)
            assert without_nulls(told) == without_nulls(exact(json.dumps(fields)))
            assert fields.keys() - told.keys() <= marks.keys()


def found(row: dict[str, Any], marks: dict[str, str]) -> dict[str, Any]:
    """All that a row says of new fields; a null may be one of a column, or rescued before there was one."""
    columns = {name: said(row[name], kind) for name, kind in marks.items() if row[name] is not None}
    rescued = exact(row["_rescued"]) if row["_rescued"] else {}
    assert not columns.keys() & rescued.keys()
    return columns | rescued


def without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def csv(rows: list[dict[str, Any]]) -> bytes:
    return pl.DataFrame(rows).write_csv().encode()


def document(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def arrow(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    made = pa.Table.from_pylist(rows)
    with pa.ipc.new_file(sink, made.schema) as writer:
        writer.write_table(made)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("suffix", "write", "x"),
    [("csv", csv, "7"), ("json", document, 7), ("parquet", parquet, 7), ("arrow", arrow, 7)],
)
def test_run_gives_new_fields_of_every_format_columns(
    store: Store, suffix: str, write: Callable[[list[dict[str, Any]]], bytes], x: Any
) -> None:
    pipeline = a_pipeline(store, {"id": "int64!"}, contract=ADD, source={"max_files_per_batch": 1})
    store.put(f"landing/a.{suffix}", write([{"id": 1}]))
    store.put(f"landing/b.{suffix}", write([{"id": 2, "x": 7, "name": "n"}]))
    store.put(f"landing/c.{suffix}", write([{"id": 3, "x": 7, "name": "m"}]))

    run_and_prove(pipeline)

    columns = table(pipeline).sort("id")
    assert columns["x"].to_list() == [None, x, x]
    assert columns["name"].to_list() == [None, "n", "m"]
    assert columns["_rescued"].null_count() == 3


def test_replay_adds_columns_for_new_fields_of_what_was_refused(local: Store) -> None:
    strict = a_pipeline(local, {"id": "int64!", "n": "int64"}, contract={"on_new_column": "add"})
    land(local, "a.ndjson", b'{"id": 1, "n": 1}', b'{"id": 2, "n": "two", "x": true}')
    run_and_prove(strict)
    assert ids(strict) == [1]
    rescuing = a_pipeline(local, {"id": "int64!", "n": "int64"}, contract=ADD)

    replay(rescuing, SETTINGS)

    assert table(rescuing).sort("id").select("id", "x", "_rescued").rows() == [
        (1, None, None),
        (2, True, '{"n":"two"}'),
    ]
    assert proof_of(rescuing).violations == ()


def test_run_of_a_pipeline_that_changes_its_mind_about_new_fields_goes_on(local: Store) -> None:
    for number, mode in enumerate(["ignore", "rescue", "add", "ignore", "add"]):
        pipeline = a_pipeline(local, {"id": "int64!"}, contract={"on_new_column": mode})
        land(local, f"{number}.ndjson", b'{"id": %d, "x": %d}' % (number, number))
        run_and_prove(pipeline)

    assert table(pipeline).sort("id").select("x", "_rescued").rows() == [
        (None, None),
        (None, '{"x":1}'),
        (2, None),
        (None, None),
        (4, None),
    ]


def test_run_whose_table_another_pipeline_makes_meanwhile_goes_by_the_types_of_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(store, "a.ndjson", b'{"id": 1, "new": 5}', b'{"id": "no"}')
    store.put("elsewhere/a.ndjson", b'{"id": 2, "new": "text"}')
    elsewhere = {"uri": store.at("elsewhere")}
    contract = {"on_new_column": "add", "on_mismatch": "rescue"}
    other = a_pipeline(store, {"id": "int64!"}, name="other", source=elsewhere, contract=contract)
    ours = a_pipeline(store, {"id": "int64!"}, name="ours", contract=contract)
    commit = commit_batch

    def late(pipeline: Pipeline, written: WrittenBatch) -> int:
        monkeypatch.setattr(running, "commit_batch", commit)
        running.run(other, SETTINGS)
        return commit(pipeline, written)

    monkeypatch.setattr(running, "commit_batch", late)
    running.run(ours, SETTINGS, max_batches=1)

    assert proof_of(ours).violations == ()
    assert table(ours).sort("id").rows() == [(1, None, '{"new":5}'), (2, "text", None)]
    assert refused(ours)["raw"].to_list() == [b'{"id": "no"}']


@pytest.mark.parametrize(
    ("value", "kind", "added", "stored"),
    [
        (b"\xff", pa.binary(), "json", '"/w=="'),
        (Decimal("1.23"), pa.decimal128(5, 2), "json", "1.23"),
        (1, pa.time64("us"), "json", '"00:00:00.000001"'),
        (1, pa.timestamp("us"), "json", '"1970-01-01T00:00:00.000001"'),
        (1, pa.timestamp("ns", "UTC"), "json", '"1970-01-01T00:00:00.000000001Z"'),
        (1, pa.duration("ms"), "json", '"1 ms"'),
        ("x", pa.dictionary(pa.int8(), pa.string()), "string", "x"),
        (1, pa.int8(), "int64", 1),
        (1.5, pa.float16(), "float64", 1.5),
    ],
)
def test_run_adds_a_column_that_takes_what_typed_files_have(
    local: Store, value: Any, kind: pa.DataType, added: str, stored: Any
) -> None:
    rows = pa.table({"id": [1, 2], "new": pa.array([value, None], kind)})
    with pa.ipc.new_file(sink := io.BytesIO(), rows.schema) as writer:
        writer.write_table(rows)
    local.put("landing/a.arrow", sink.getvalue())
    pipeline = a_pipeline(local, {"id": "int64!"}, contract={"on_new_column": "add"})

    run_and_prove(pipeline)

    assert refused(pipeline).is_empty()
    assert marks_of(open_table(pipeline.table.uri)) == {"new": added}
    assert table(pipeline).sort("id")["new"].to_list() == [stored, None]

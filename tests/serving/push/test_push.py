"""Pushed batches: in the table once, whatever the client repeats."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from config.spec_file import load_pipeline
from pipelines.run import run
from pipelines.undo import undo
from storage.skipping.reader import read_table
from tests.conftest import Store
from tests.serving.push.pushing import Pushed, pushable, rows, taken_in


def test_push_repeated_lands_once(store: Store, tmp_path: Path) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    with pushable(tmp_path / "pipes", store.uri) as pushed:
        first = pushed.push("a", rows(10, 20))
        again = pushed.push("a", rows(10, 20), chunk=3)
        assert taken_in(pushed) == [1, *range(10, 20)]
        assert pushed.push("a", rows(10, 20))["duplicate"]
        pushed.push("b", rows(20, 25))
        assert taken_in(pushed) == [1, *range(10, 25)]
    assert first == {
        "pipeline": "events", "id": "a", "file": "pushed/producer/a.arrows",
        "rows": 10, "bytes": first["bytes"], "duplicate": False,
    }  # fmt: skip
    assert again == {**first, "bytes": again["bytes"], "duplicate": True}


def test_push_other_rows_under_the_same_id_is_refused(store: Store, tmp_path: Path) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    with pushable(tmp_path / "pipes", store.uri) as pushed:
        pushed.push("a", rows(0, 5))
        with pytest.raises(flight.FlightServerError, match="other rows were pushed under this id"):
            pushed.push("a", rows(0, 6))
        assert taken_in(pushed) == [0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize("more", [0, 1])
def test_push_repeated_after_its_file_has_left_the_landing_zone_is_refused_once_it_was_taken_in(
    store: Store, tmp_path: Path, more: int
) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    with pushable(tmp_path / "pipes", store.uri) as pushed:
        pushed.push("b", rows(20, 25))
        pushed.push("a", rows(10, 20))
        store.remove("landing/pushed/producer/a.arrows")  # no run has seen it: as if it had never been
        assert not pushed.push("a", rows(10, 20))["duplicate"]
        assert taken_in(pushed) == [1, *range(10, 25)]
        store.remove("landing/pushed/producer/a.arrows")

        with pytest.raises(flight.FlightServerError, match="was taken in, and its file is gone"):
            pushed.push("a", rows(10, 20 + more))
        assert pushed.push("b", rows(20, 25))["duplicate"]
        pushed.push("c", rows(30, 31))
        run(load_pipeline(pushed.folder / "events.yaml"))
        found = read_table(f"{store.uri}/lake/events").lazy().collect()["id"].sort()
        assert found.to_list() == [1, *range(10, 25), 30]


@pytest.mark.parametrize("others", [False, True])
def test_push_by_racing_clients_lands_once(store: Store, tmp_path: Path, others: bool) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    batches = [rows(0, 500, kind=f"k{number * others}") for number in range(4)]
    start = Barrier(4)

    def push_one(pushed: Pushed, batch: pa.Table) -> bool | None:
        start.wait()
        try:
            return bool(pushed.push("a", batch, chunk=50)["duplicate"])
        except flight.FlightServerError:
            return None

    with pushable(tmp_path / "pipes", store.uri) as pushed, ThreadPoolExecutor(4) as clients:
        duplicates = list(clients.map(push_one, [pushed] * 4, batches))
        assert duplicates.count(False) == 1
        assert duplicates.count(None if others else True) == 3
        assert taken_in(pushed) == sorted([1, *range(500)])


def test_push_of_every_kind_of_column_lands_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    words = pa.array(["a", None, "b"] * 10).dictionary_encode()
    others = pa.array(["c", "b", None] * 10).dictionary_encode()
    ids = pa.array(range(60), pa.int64())
    batch = pa.table(
        {
            "id": ids,
            "kind": pa.chunked_array([words, others]),
            "view": pa.array([f"long enough for a view {one}" for one in range(60)], pa.string_view()),
            "list": pa.array([[1, None], None, []] * 20),
            "struct": pa.array([{"x": 1, "y": "z"}, None, {"x": None, "y": ""}] * 20),
            "map": pa.array([[("k", 1)], None, []] * 20, pa.map_(pa.string(), pa.int64())),
            "runs": pa.array([1.5] * 60).cast(pa.float64()),
            "nothing": pa.nulls(60),
            "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}'] * 60)),
        }
    )
    with pushable(tmp_path / "pipes", str(tmp_path)) as pushed:
        assert not pushed.push("a", batch)["duplicate"]
        assert pushed.push("a", batch, chunk=7)["duplicate"]
        assert taken_in(pushed) == list(range(60))
        with pa.ipc.open_stream(tmp_path / "landing/pushed/producer/a.arrows") as file:
            stored = file.read_all()
    assert stored["kind"].to_pylist() == batch["kind"].to_pylist()
    for name in set(batch.schema.names) - {"kind", "json"}:
        assert stored[name].cast(batch[name].type).equals(batch[name]), name


def test_ingest_by_adbc_lands_once(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    header = {"adbc.flight.sql.rpc.call_header.penstock-batch": "a"}
    with pushable(tmp_path / "pipes", str(tmp_path)) as pushed:
        options = {"adbc.flight.sql.authorization_header": f"Bearer {pushed.token}"}
        with flight_sql.connect(pushed.uri, db_kwargs=options, autocommit=True) as connection:
            for _ in range(2):
                with connection.cursor() as cursor:
                    cursor.adbc_statement.set_options(**header)
                    assert cursor.adbc_ingest("events", rows(0, 10), mode="append") == 10
            with connection.cursor() as cursor, pytest.raises(flight_sql.OperationalError, match="no id"):
                cursor.adbc_ingest("events", rows(0, 10), mode="append")
            with connection.cursor() as cursor, pytest.raises(flight_sql.OperationalError, match="append"):
                cursor.adbc_statement.set_options(**header)
                cursor.adbc_ingest("events", rows(0, 10), mode="create")
        assert taken_in(pushed) == list(range(10))


def test_push_of_values_that_do_not_fit_goes_to_the_quarantine(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    batch = pa.table({"id": [1.0, 1.5, None], "other": [1, 2, 3]})
    with pushable(tmp_path / "pipes", str(tmp_path)) as pushed:
        assert pushed.push("a", batch)["rows"] == 3
        assert taken_in(pushed) == [1]
    refused = read_table(f"{tmp_path}/lake/events_quarantine").lazy().collect()
    assert sorted(refused["reason"]) == ["missing_required", "type_mismatch"]


def test_push_of_an_undone_batch_whose_file_is_gone_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    with pushable(tmp_path / "pipes", str(tmp_path)) as pushed:
        pushed.push("a", rows(0, 5))
        assert taken_in(pushed) == list(range(5))
        pipeline = load_pipeline(pushed.folder / "events.yaml")
        (tmp_path / "landing/pushed/producer/a.arrows").unlink()
        with pytest.raises(flight.FlightServerError, match="its file is gone"):
            pushed.push("a", rows(0, 5))
        undo(pipeline, 1)

        assert not pushed.push("a", rows(0, 5))["duplicate"]
        run(pipeline)
        found = read_table(pipeline.table.uri).lazy().collect()["id"].sort()
        assert found.to_list() == list(range(5))

"""Pushes that are refused: nothing of them is visible, and the client learns why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from storage.landing.listing import list_landing
from tests.serving.push.pushing import Pushed, push, pushable, rows

CONTRACT = "on_new_column: fail"


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    """A server that nothing has been pushed to."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "landing").mkdir()
    limits = {"push_rows": 1000, "push_bytes": "1 MiB"}
    with pushable(folder / "pipes", str(folder), CONTRACT, limits) as server:
        yield server
        assert not [path for path in (folder / "landing").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "batch",
    ["", ".", "..", "../a", "a/b", "/etc/passwd", "a\\b", ".a", "_a", "a b", "a\0", "ä", "a\n", "x" * 129],
)
def test_push_with_a_hostile_id_is_refused(pushed: Pushed, batch: str) -> None:
    with pytest.raises(flight.FlightServerError, match="not a usable id of a batch"):
        pushed.push(batch, rows(0, 1))


@pytest.mark.parametrize("pipeline", ["nothing", "../events", "events.yaml", ""])
def test_push_to_what_is_no_pipeline_is_refused(pushed: Pushed, pipeline: str) -> None:
    with pytest.raises(flight.FlightServerError, match="there is no such pipeline"):
        pushed.push("a", rows(0, 1), pipeline)


@pytest.mark.parametrize("path", [["events"], ["events", "a", "b"]])
def test_push_to_another_path_is_refused(pushed: Pushed, path: list[str]) -> None:
    with pushed.client() as client, pytest.raises(flight.FlightServerError, match="name of a pipeline"):
        push(client, pushed.options(), flight.FlightDescriptor.for_path(*path), rows(0, 1))


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"id": ["1"]}, ["column id", "got: string", "expected: int64!"]),
        ({"kind": ["k"]}, ["column id", "got: no such column", "expected: int64!"]),
        ({"id": pa.nulls(1)}, ["column id", "got: a column of nulls alone"]),
        ({"id": [1], "kind": [1.5]}, ["column kind", "got: double", "expected: string"]),
        ({"id": [1], "other": [1]}, ["column other", "the contract does not have"]),
        ({"id": [True], "kind": [[1]]}, ["in 2 columns", "id: got bool", "kind: got list<item: int64>"]),
    ],
)
def test_push_of_another_schema_is_refused(pushed: Pushed, columns: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(flight.FlightServerError) as caught:
        pushed.push("a", pa.table(columns))
    assert all(words in str(caught.value) for words in told)


def test_push_of_too_much_is_refused(pushed: Pushed) -> None:
    with pytest.raises(flight.FlightTimedOutError, match="push_rows"):
        pushed.push("a", rows(0, 1001), chunk=100)
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(900, np.int32)), ["x" * 10_000])
    with pytest.raises(flight.FlightTimedOutError, match="push_bytes"):
        pushed.push("a", pa.table({"id": range(900), "kind": words}))


def test_push_of_damaged_arrow_is_refused(pushed: Pushed) -> None:
    offsets = pa.py_buffer(np.array([0, 1_000_000, 5], np.int32))
    beyond = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"hello")])
    offsets = pa.py_buffer(np.array([0, 1, 2], np.int32))
    no_text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xff\xff")])
    for texts in (beyond, no_text):
        with pytest.raises(flight.FlightServerError, match="damaged"):
            pushed.push("a", pa.table({"id": [1, 2], "kind": texts}))


def test_push_without_an_end_is_refused(pushed: Pushed) -> None:
    with pytest.raises(flight.FlightServerError, match="before it was complete"):
        pushed.push("a", rows(0, 1), complete=False)


def test_push_of_rows_behind_the_end_is_refused(pushed: Pushed) -> None:
    descriptor, batch = flight.FlightDescriptor.for_path("events", "a"), rows(0, 1)
    with pushed.client() as client, pytest.raises(flight.FlightServerError, match="before it was complete"):
        writer, _ = client.do_put(descriptor, batch.schema, pushed.options())
        with writer:
            writer.write_metadata(b"complete")
            writer.write_table(batch)


def test_push_without_permission_is_refused(pushed: Pushed) -> None:
    descriptor = flight.FlightDescriptor.for_path("events", "a")
    with pushed.client() as client, pytest.raises(flight.FlightUnauthenticatedError):
        push(client, flight.FlightCallOptions(), descriptor, rows(0, 1))


def test_push_where_the_client_may_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    with pushable(tmp_path / "pipes", str(tmp_path)) as server:
        access = server.folder / "access.toml"
        access.write_text(access.read_text().replace('push = ["*"]', 'push = ["other"]'))
        for name in ("events", "nothing"):
            with pytest.raises(flight.FlightUnauthorizedError, match="may not push"):
                server.push("a", rows(0, 1), name)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('uri: "{zone}/landing/*.ndjson"', "let source.uri be the folder alone"),
        ('uri: "{zone}/landing/*.arrows"', "let source.uri be the folder alone"),
        ('uri: "{zone}/landing/all.ndjson"', "let source.uri be the folder of the file"),
        ('uri: "{zone}/landing", format: csv', "leave source.format out"),
        ('uri: "{zone}/landing", compression: gzip', "leave source.compression out"),
        ('uri: "{zone}/nothing"', "the folder of the landing zone is not there"),
    ],
)
def test_push_to_a_pipeline_that_would_not_take_it_in_is_refused(
    tmp_path: Path, source: str, told: str
) -> None:
    (tmp_path / "landing").mkdir()
    with pushable(tmp_path / "pipes", str(tmp_path)) as server:
        spec = server.folder / "events.yaml"
        spec.write_text(spec.read_text().replace(f'uri: "{tmp_path}/landing"', source.format(zone=tmp_path)))
        with pytest.raises(flight.FlightServerError, match=told) as caught:
            server.push("a", rows(0, 1))
        assert str(tmp_path) not in str(caught.value)
    assert not list_landing(f"{tmp_path}/landing").height


@pytest.mark.parametrize("uri", ["landing/**", "landing/**/*.arrows", "landing/*/*/*"])
def test_push_to_a_pattern_that_takes_it_in_lands(tmp_path: Path, uri: str) -> None:
    (tmp_path / "landing").mkdir()
    with pushable(tmp_path / "pipes", str(tmp_path)) as server:
        spec = server.folder / "events.yaml"
        spec.write_text(spec.read_text().replace(f"{tmp_path}/landing", f"{tmp_path}/{uri}"))
        server.push("a", rows(0, 1))
    assert list_landing(f"{tmp_path}/{uri}").height == 1


def test_push_beyond_the_rate_is_refused_until_later(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    limits = {"pushed_bytes_a_minute": "1 KiB"}
    with pushable(tmp_path / "pipes", str(tmp_path), limits=limits) as server:
        server.push("a", rows(0, 1000))
        with pytest.raises(flight.FlightTimedOutError, match=r"in [0-9]+ seconds"):
            server.push("b", rows(0, 1000))
    assert list_landing(f"{tmp_path}/landing").height == 1

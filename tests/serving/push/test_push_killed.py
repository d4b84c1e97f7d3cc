"""Servers and clients that are killed within a push: nothing is visible, or all of it; repeating helps."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from storage.landing.listing import list_landing
from tests.conftest import Store
from tests.processes import process, start
from tests.serving.push.dying_server import PARTS, POINTS
from tests.serving.push.pushing import Pushed, pushable, rows, taken_in

VISIBLE = ("landed", "answered", "complete_multipart_upload")


def _push_to_dying_server(tmp_path: Path, store: Store, point: str, batch: pa.Table) -> None:
    uri_file = tmp_path / "uri"
    server = start("serving.push.dying_server", str(tmp_path / "dying"), store.uri, point, str(uri_file))
    deadline = time.monotonic() + 120
    while not uri_file.exists():
        assert server.process.is_alive() and time.monotonic() < deadline
        time.sleep(0.02)
    uri, token = uri_file.read_text().split("\n")
    with pytest.raises(flight.FlightUnavailableError):
        Pushed(tmp_path, store.uri, uri, token).push("a", batch, chunk=batch.num_rows // 5)
    assert server.ended()[0] == -signal.SIGKILL


def _pushed_files(store: Store) -> list[str]:
    return [path for path in list_landing(store.at("landing"))["path"] if "pushed" in path]


def _check_killed(store: Store, tmp_path: Path, point: str, batch: pa.Table, *, take_in: bool) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    _push_to_dying_server(tmp_path, store, point, batch)
    assert len(_pushed_files(store)) == (point in VISIBLE)
    with pushable(tmp_path / "pipes", store.uri) as pushed:
        if take_in:  # as a run would that comes before the client repeats
            taken_in(pushed)
        assert pushed.push("a", batch)["duplicate"] == (point in VISIBLE)
        assert taken_in(pushed) == sorted([1, *batch["id"].to_pylist()])
        assert len(_pushed_files(store)) == 1


@pytest.mark.parametrize("point", ["in the middle", "before it lands", "landed"])
def test_push_after_the_server_was_killed_stores_once(tmp_path: Path, point: str) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    _check_killed(Store(str(folder)), tmp_path, point, rows(10, 110), take_in=True)


@pytest.mark.long
@pytest.mark.parametrize("take_in", [False, True])
@pytest.mark.parametrize("point", POINTS)
def test_push_after_the_server_was_killed_anywhere_stores_once(
    store: Store, tmp_path: Path, point: str, take_in: bool
) -> None:
    _check_killed(store, tmp_path, point, rows(10, 110), take_in=take_in)


@pytest.mark.long
@pytest.mark.s3
@pytest.mark.parametrize("point", PARTS)
def test_push_of_an_object_in_parts_after_the_server_was_killed_stores_once(
    s3: Store, tmp_path: Path, point: str
) -> None:
    ids = pa.array(range(900_000), pa.int64())
    noise = pa.array([os.urandom(24).hex() for _ in range(900_000)])
    _check_killed(s3, tmp_path, point, pa.table({"id": ids, "kind": noise}), take_in=True)


def _push_and_die(uri: str, token: str, how: str) -> None:
    pushed = Pushed(Path(), "", uri, token)
    descriptor = flight.FlightDescriptor.for_path("events", "a")
    batch = rows(0, 1000)
    writer, _ = pushed.client().do_put(descriptor, batch.schema, pushed.options())
    writer.write_table(batch, 100)
    time.sleep(0.2)
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "exits":
        os._exit(0)
    writer.close()


@pytest.mark.parametrize("how", ["killed", "exits", "closes"])
def test_push_of_a_client_that_stops_in_the_middle_leaves_nothing(tmp_path: Path, how: str) -> None:
    (tmp_path / "landing").mkdir()
    with pushable(tmp_path / "pipes", str(tmp_path)) as pushed:
        client = process(_push_and_die, pushed.uri, pushed.token, how)
        client.start()
        client.join()
        time.sleep(0.2)  # for the server to see it
        assert not list_landing(f"{tmp_path}/landing").height
        assert pushed.push("a", rows(0, 10)) | {"bytes": 0} == {
            "pipeline": "events", "id": "a", "file": "pushed/producer/a.arrows",
            "rows": 10, "bytes": 0, "duplicate": False,
        }  # fmt: skip
        assert [path.suffix for path in tmp_path.glob("landing/**/*") if path.is_file()] == [".arrows"]

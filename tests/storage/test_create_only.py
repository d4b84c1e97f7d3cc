"""Objects that only one can create: races of threads and processes, lost answers, and crashes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier as ProcessBarrier
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from storage.create_only import create_only
from storage.errors import StorageError
from storage.filesystem import open_filesystem
from tests.conftest import Store
from tests.fault_proxy import FaultProxy, running_fault_proxy
from tests.object_store import ObjectStore
from tests.processes import CONTEXT, process

_PROCESSES, _TURNS = 2, 30


@pytest.fixture
def proxy(s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy that the environment leads to."""
    assert s3.is_remote
    with running_fault_proxy(object_store) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


def contents(uri: str) -> bytes:
    filesystem, path = open_filesystem(uri)
    data: bytes = filesystem.cat_file(path)
    return data


def test_create_only_where_something_is_leaves_it(store: Store) -> None:
    assert create_only(store.at("a b/%41é.json") if store.is_remote else store.at("%41é.json"), b"first")
    uri = store.at("x")

    assert create_only(uri, b"first")
    assert not create_only(uri, b"second")
    assert not create_only(uri, b"first")
    assert contents(uri) == b"first"
    assert create_only(store.at("empty"), b"")
    assert not create_only(store.at("empty"), b"second")


@pytest.mark.parametrize(("writers", "turns"), [(2, 40), (4, 2)])  # more than two take SeaweedFS seconds
def test_create_only_raced_by_threads_has_one_winner(store: Store, writers: int, turns: int) -> None:
    start = Barrier(writers)

    def write(uri: str, number: int) -> bool:
        start.wait()
        return create_only(uri, str(number).encode() * 1000)

    with ThreadPoolExecutor(writers) as threads:
        for turn in range(turns):
            uri = store.at(f"{turn:020}.json")
            won = list(threads.map(write, [uri] * writers, range(writers)))
            assert won.count(True) == 1
            assert contents(uri) == str(won.index(True)).encode() * 1000


def race(store: Store, number: int, start: ProcessBarrier, won: Any) -> None:
    for turn in range(_TURNS):
        start.wait(60)
        if create_only(store.at(f"{turn:020}.json"), str(number).encode()):
            won.put((turn, number))


def test_create_only_raced_by_processes_has_one_winner(store: Store) -> None:
    start, won = CONTEXT.Barrier(_PROCESSES), CONTEXT.Queue()
    racers = [process(race, store, n, start, won) for n in range(_PROCESSES)]
    for one in racers:
        one.start()
    winners = dict(won.get(timeout=60) for _ in range(_TURNS))
    for one in racers:
        one.join(60)

    assert [one.exitcode for one in racers] == [0] * _PROCESSES
    assert won.empty()
    assert sorted(winners) == list(range(_TURNS))
    assert all(contents(store.at(f"{turn:020}.json")) == str(n).encode() for turn, n in winners.items())


def test_create_only_that_dies_while_writing_leaves_no_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as dying:
        dying.setattr(os, "fsync", die)
        with pytest.raises(StorageError):
            create_only(str(tmp_path / "x"), b"half")

    assert list(tmp_path.iterdir()) == []
    assert create_only(str(tmp_path / "x"), b"whole")
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]


def test_create_only_in_a_missing_folder_fails(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        create_only(str(tmp_path / "none" / "x"), b"1")


@pytest.mark.s3
def test_create_only_with_a_lost_answer_is_told_that_it_is_there(s3: Store, proxy: FaultProxy) -> None:
    proxy.swallows = lambda request: request[0] == "PUT" and len(proxy.seen) == 1

    assert not create_only(s3.at("x"), b"mine")
    assert contents(s3.at("x")) == b"mine"


@pytest.mark.s3
def test_create_only_of_more_than_a_part_is_one_request(s3: Store, proxy: FaultProxy) -> None:
    data = b"x" * (101 * 2**20)

    assert create_only(s3.at("x"), data)
    assert not create_only(s3.at("x"), data)
    assert {method for method, _ in proxy.seen} == {"PUT"}
    open_filesystem(s3.uri)[0].rm_file(s3.at("x").removeprefix("s3://"))

"""The probe of conditional PUTs: who may write where, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl
import pytest

from storage.create_only import create_only
from storage.errors import StorageError, UnsafeStoreError
from storage.filesystem import open_filesystem
from storage.layout.data_file import DataFile
from storage.tables import write_probe
from storage.tables.commits import commit_batch, take_over
from storage.tables.delta import open_table
from storage.tables.ledger.planning import plan
from storage.tables.replacing.replacement import Replacement, commit_replacement
from storage.tables.write_probe import probe_store
from tests.conftest import Store
from tests.fault_proxy import FaultProxy, running_fault_proxy
from tests.object_store import ObjectStore

SCHEMA = pl.Schema({"x": pl.Int64()})
FILE = DataFile("a.parquet", 1, 1, {}, json.dumps({"numRecords": 1}), 0)


@pytest.fixture(autouse=True)
def nothing_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_probe, "_probed", set())


@pytest.fixture
def proxy(s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy that the environment leads to."""
    assert s3.is_remote
    with running_fault_proxy(object_store) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


def commit(uri: str, batch: int = 1) -> None:
    commit_batch(uri, open_table(uri), app_id="a", batch=batch, files=[], schema=SCHEMA)


def objects_in(uri: str) -> list[str]:
    filesystem, path = open_filesystem(uri)
    return [name for name in filesystem.find(path) if name != path]  # SeaweedFS keeps the folder for a while


@pytest.mark.s3
def test_probe_store_with_conditional_puts_leaves_nothing_behind(s3: Store) -> None:
    probe_store(s3.at("table"))

    assert objects_in(s3.at("table")) == []


@pytest.mark.s3
def test_probe_store_is_done_once_for_each_bucket(s3: Store, proxy: FaultProxy) -> None:
    for name in ("one", "another"):
        commit(s3.at(name))
    puts = [path for method, path in proxy.seen if method == "PUT" and "_write_probe_" in path]

    assert len({path for path in puts if "/another/" in path}) == 0
    assert len(puts) == 5 * (2 + 1)


@pytest.mark.s3
def test_probe_store_that_ignores_conditions_is_refused(s3: Store, proxy: FaultProxy) -> None:
    proxy.ignores_conditions = True
    uri = s3.at("table")
    assert create_only(s3.at("x"), b"1")
    assert create_only(s3.at("x"), b"2"), "the proxy makes two winners"

    with pytest.raises(UnsafeStoreError, match="several writers") as refused:
        probe_store(uri)

    assert uri in str(refused.value)
    assert "SeaweedFS from 4.17" in str(refused.value)
    assert "lakesecret" not in str(refused.value)
    assert not refused.value.retryable
    with pytest.raises(UnsafeStoreError):
        probe_store(uri)


@pytest.mark.s3
def test_probe_store_that_looks_before_it_writes_is_refused(s3: Store, proxy: FaultProxy) -> None:
    proxy.looks_too_early = True
    assert create_only(s3.at("x"), b"1")
    assert not create_only(s3.at("x"), b"2"), "one after the other it does what it should"

    with pytest.raises(UnsafeStoreError, match="several writers"):
        probe_store(s3.at("table"))


@pytest.mark.s3
def test_every_way_to_write_a_table_refuses_a_store_that_ignores_conditions(
    s3: Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = s3.at("table")
    commit(uri)
    table = open_table(uri)
    assert table is not None
    proxy.ignores_conditions = True
    monkeypatch.setattr(write_probe, "_probed", set())
    landed = pl.DataFrame(
        {"path": ["p"], "identity": ["i"], "size": [1], "modified": [None]},
        schema_overrides={"modified": pl.Datetime("us", "UTC")},
    )
    told = {"commit_id": "x"}

    with pytest.raises(UnsafeStoreError):
        commit(uri, 2)
    with pytest.raises(UnsafeStoreError):
        take_over(uri, table, app_id="a", batch=2, attempt="x", schema=SCHEMA)
    with pytest.raises(UnsafeStoreError):
        commit_replacement(uri, table, Replacement([], [FILE], "WRITE", True, frozenset(), told))
    with pytest.raises(UnsafeStoreError):
        plan(uri, "p", 1, landed=lambda: landed, max_files=1, max_bytes=1)
    newest = open_table(uri)
    assert newest is not None
    assert newest.version() == 0
    assert objects_in(f"{uri}_ledger") == []


@pytest.mark.s3
def test_probe_store_with_lost_answers_still_tells_stores_apart(s3: Store, proxy: FaultProxy) -> None:
    lost: set[str] = set()

    def first_put(request: tuple[str, str]) -> bool:
        method, path = request
        if method != "PUT" or path in lost:
            return False
        lost.add(path)
        return True

    proxy.swallows = first_put
    probe_store(s3.at("table"))
    assert len(lost) == 5

    write_probe._probed.clear()
    proxy.ignores_conditions = True
    with pytest.raises(UnsafeStoreError):
        probe_store(s3.at("table"))


@pytest.mark.s3
def test_probe_store_without_permission_to_write_fails_and_is_tried_again(
    s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as reader:
        for name, value in object_store.environment(read_only=True).items():
            reader.setenv(name, value)
        with pytest.raises(StorageError, match="could not write"):
            probe_store(s3.at("table"))

    probe_store(s3.at("table"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_S3_ALLOW_UNSAFE_RENAME", "true"),
        ("AWS_CONDITIONAL_PUT", "disabled"),
        ("AWS_S3_LOCKING_PROVIDER", "dynamodb"),
    ],
)
@pytest.mark.s3
def test_probe_store_refuses_settings_that_go_round_conditional_puts(
    s3: Store, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(UnsafeStoreError, match=f"{name}={value}"):
        commit(s3.at("table"))


def test_probe_store_of_a_local_folder_does_nothing(local_uri: str = "/nowhere/table") -> None:
    probe_store(local_uri)

"""Commits that take files out and put others in: once, atomically, and never over what others changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import QueryBuilder, write_deltalake
from polars.testing import assert_frame_equal

from storage.create_only import create_only
from storage.errors import StaleReadError, StorageError, TableError, TableSchemaError, UnavailableError
from storage.filesystem import open_filesystem
from storage.tables.delta import last_batch
from storage.tables.replacing import replacement as replacement_module
from storage.tables.replacing.replacement import Replacement, commit_replacement, log_file, read_actions
from storage.tables.write_probe import probe_store
from tests.conftest import Store
from tests.fault_proxy import FaultProxy, running_fault_proxy
from tests.object_store import ObjectStore
from tests.readers import ask_duckdb, needs_readers
from tests.storage.layout.test_layout import AWKWARD
from tests.storage.replacing.replacements import (
    append,
    opened,
    plus_100,
    read,
    replace,
    replacement,
    rows,
    written,
)


def test_commit_replacement_changes_the_rows_of_a_partition(uri: str) -> None:
    version = replace(uri, plus_100, transactions={"app": 7})

    table = opened(uri)
    assert (version, table.version()) == (2, 2)
    assert read(uri)["x"].to_list() == [100, 100, 0, 100]
    assert last_batch(table, "app") == 7
    assert table.history(1)[0]["operation"] == "MERGE"
    assert len(table.file_uris()) == 2


def test_commit_replacement_repeated_is_made_once(uri: str) -> None:
    table = opened(uri)
    one = replacement(uri, table, plus_100)
    first = commit_replacement(uri, table, one)
    append(uri, rows([5]))

    assert commit_replacement(uri, table, one) == first == 2
    assert opened(uri).version() == 3
    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0]


def test_commit_replacement_without_new_files_empties_the_table(uri: str) -> None:
    replace(uri, pl.DataFrame.clear, whole=True)

    assert read(uri).is_empty()
    append(uri, rows([9]))
    assert read(uri)["n"].to_list() == [9]


def test_commit_replacement_under_awkward_partition_values_is_the_same_to_readers(store: Store) -> None:
    uri = store.at("table")
    append(uri, pl.concat(rows([n], p) for n, p in enumerate(AWKWARD)))
    append(uri, pl.concat(rows([n + 100], p) for n, p in enumerate(AWKWARD)))

    for p in AWKWARD:
        replace(uri, plus_100, p=p)

    expected = pl.concat(rows([n, n + 100], p, 100) for n, p in enumerate(AWKWARD)).sort("n")
    table = opened(uri)
    assert len(table.file_uris()) == len(AWKWARD)
    assert_frame_equal(read(uri), expected)
    pyarrow = pl.DataFrame(table.to_pyarrow_table()).select("n", "x", "p").sort("n")
    assert_frame_equal(pyarrow, expected)
    delta_rs = QueryBuilder().register("t", table).execute("select n, x, p from t order by n").read_all()
    assert_frame_equal(pl.DataFrame(delta_rs).cast({"p": pl.String}), expected)


@needs_readers
def test_commit_replacement_under_awkward_partition_values_is_read_by_duckdb(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    append(uri, pl.concat(rows([n], p) for n, p in enumerate(AWKWARD)))
    for p in AWKWARD:
        replace(uri, plus_100, p=p)

    expected = [[n, 100, p] for n, p in enumerate(AWKWARD)]
    assert ask_duckdb(uri, "select n, x, p from t order by n") == expected


@pytest.fixture
def proxy(s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy that the environment leads to."""
    with running_fault_proxy(object_store) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        probe_store(s3.at("table"))
        yield running


@pytest.mark.s3
@pytest.mark.parametrize(
    "lost", [1, pytest.param(100, marks=pytest.mark.long)], ids=["one answer", "all answers"]
)
def test_commit_replacement_with_lost_answers_is_made_once(s3: Store, proxy: FaultProxy, lost: int) -> None:
    uri = s3.at("table")
    append(uri, rows([1, 2]))
    table = opened(uri)
    one = replacement(uri, table, plus_100)
    puts: list[str] = []

    def swallow(request: tuple[str, str]) -> bool:
        if request[0] == "PUT":
            puts.append(request[1])
        return request[0] == "PUT" and len(puts) <= lost

    proxy.swallows = swallow

    assert commit_replacement(uri, table, one) == 1
    assert len(puts) > 1
    assert opened(uri).version() == 1
    assert read(uri)["x"].to_list() == [100, 100]


def test_commit_replacement_that_did_not_arrive_can_be_made_again(
    local_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(uri: str, _: bytes) -> bool:
        raise UnavailableError("no answer", where=uri)

    table = opened(local_uri)
    one = replacement(local_uri, table, plus_100)
    with monkeypatch.context() as cut_off:
        cut_off.setattr(replacement_module, "create_only", unreachable)
        with pytest.raises(UnavailableError):
            commit_replacement(local_uri, table, one)
    append(local_uri, rows([5], "b"))

    assert commit_replacement(local_uri, table, one) == 3
    assert read(local_uri)["x"].to_list() == [100, 100, 0, 100, 0]


def test_commit_replacement_that_arrives_late_is_found(
    local_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = opened(local_uri)
    one = replacement(local_uri, table, plus_100)
    late: list[tuple[str, bytes]] = []

    def delayed(uri: str, data: bytes) -> bool:
        late.append((uri, data))
        raise UnavailableError("no answer", where=uri)

    with monkeypatch.context() as slow:
        slow.setattr(replacement_module, "create_only", delayed)
        with pytest.raises(UnavailableError):
            commit_replacement(local_uri, table, one)
    assert create_only(*late[0])

    assert commit_replacement(local_uri, table, one) == 2
    with pytest.raises(StaleReadError, match="not in it"):
        commit_replacement(local_uri, opened(local_uri), one)
    assert read(local_uri)["x"].to_list() == [100, 100, 0, 100]


def test_commit_replacement_makes_checkpoints_as_the_table_says(store: Store) -> None:
    uri = store.at("table")
    append(uri, rows([1]))
    opened(uri).alter.set_table_properties({"delta.checkpointInterval": "5"})
    for batch in range(2, 7):
        replace(uri, plus_100, transactions={"app": batch})

    filesystem, root = open_filesystem(uri)
    assert filesystem.exists(f"{root}/_delta_log/{5:020}.checkpoint.parquet")
    for version in range(5):
        filesystem.rm_file(f"{root}/_delta_log/{version:020}.json")
    assert read(uri)["x"].to_list() == [500]
    assert last_batch(opened(uri), "app") == 6


@pytest.mark.parametrize("left", [0, 1], ids=["newest commit too", "older commits"])
def test_commit_replacement_after_the_log_was_cleaned_up_overwrites_nothing(
    local_uri: str, left: int
) -> None:
    stale = opened(local_uri)
    one = replacement(local_uri, stale, plus_100, reads=frozenset())
    for n in (5, 6, 7):
        append(local_uri, rows([n]))
    opened(local_uri).create_checkpoint()
    for version in range(5 - left):
        Path(log_file(local_uri, version)).unlink()

    with pytest.raises(StaleReadError, match="cleaned up"):
        commit_replacement(local_uri, stale, one)
    with pytest.raises(StorageError):
        append(local_uri, rows([9]), stale)
    assert read(local_uri)["n"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    newest = opened(local_uri)
    extra = Replacement([], written(local_uri, rows([8])), "WRITE", True, frozenset(), {"commit_id": "x"})
    assert commit_replacement(local_uri, newest, extra) == 5
    assert read(local_uri)["n"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_commit_replacement_of_files_that_are_not_there_is_refused(local_uri: str) -> None:
    stale = opened(local_uri)
    one = replacement(local_uri, stale, plus_100)
    opened(local_uri).delete("n = 1")

    with pytest.raises(StaleReadError, match="not in it"):
        commit_replacement(local_uri, opened(local_uri), one)
    assert read(local_uri)["x"].to_list() == [0, 0, 0]


@pytest.mark.parametrize(
    "change", [lambda f: f.head(1), lambda f: pl.concat([f, f])], ids=["lost", "doubled"]
)
def test_commit_replacement_without_data_change_must_keep_the_number_of_rows(
    local_uri: str, change: Any
) -> None:
    with pytest.raises(TableError, match="changes no rows"):
        replace(local_uri, change, data_change=False)
    table = opened(local_uri)
    extra = Replacement([], written(local_uri, rows([9])), "OPTIMIZE", False, frozenset(), {"commit_id": "x"})
    with pytest.raises(TableError, match="changes no rows"):
        commit_replacement(local_uri, table, extra)
    assert opened(local_uri).version() == 1


def test_commit_replacement_in_an_append_only_table_may_only_compact(local_uri: str) -> None:
    opened(local_uri).alter.set_table_properties({"delta.appendOnly": "true"})

    with pytest.raises(TableError, match="must not be"):
        replace(local_uri, plus_100)
    replace(local_uri, lambda frame: frame, data_change=False)
    assert read(local_uri)["x"].to_list() == [0] * 4


def test_commit_replacement_in_a_table_with_demands_is_refused(local_uri: str) -> None:
    opened(local_uri).alter.add_constraint({"positive": "x >= 0"})

    with pytest.raises(TableSchemaError, match="cannot do"):
        replace(local_uri, plus_100)


def test_half_a_commit_of_a_dead_process_disturbs_nobody(local_uri: str) -> None:
    log = Path(local_uri) / "_delta_log"
    (log / f".{2:020}.json.0123456789abcdef").write_bytes(b'{"add":')

    assert read(local_uri).height == 4
    assert replace(local_uri, plus_100) == 2
    opened(local_uri).create_checkpoint()
    write_deltalake(opened(local_uri), rows([5], "b"), mode="append")
    assert read(local_uri)["x"].to_list() == [100, 100, 0, 100, 0]


def test_commit_replacement_says_what_the_protocol_asks_for(local_uri: str) -> None:
    replace(local_uri, plus_100, told={"commit_id": "x", "batch": 3}, transactions={"app": 3})

    actions = read_actions(local_uri, 2)
    kinds = [next(iter(action)) for action in actions]
    assert kinds == ["commitInfo", "txn", "remove", "remove", "add"]
    info, remove, add = actions[0]["commitInfo"], actions[2]["remove"], actions[4]["add"]
    assert info["penstock"] == {"commit_id": "x", "batch": 3}
    assert info["isBlindAppend"] is False
    assert (remove["partitionValues"], remove["extendedFileMetadata"]) == ({"p": "a"}, True)
    assert json.loads(add["stats"])["numRecords"] == 3
    assert log_file(f"{local_uri}/", 2).endswith("/_delta_log/00000000000000000002.json")

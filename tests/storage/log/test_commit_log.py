"""The log as it lies in storage, read on its own."""

from __future__ import annotations

import json

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.errors import TableError
from storage.filesystem import delta_storage_options
from storage.tables.delta import open_table
from storage.tables.log.commits import active_files, parse_commit, read_commits
from tests.conftest import Store

ROWS = pl.DataFrame({"id": [1, 2, 3], "kind": ["a", "a b", "c/d"]}).to_arrow()


def written(store: Store) -> str:
    """A table of three files, of which one is removed, then of another table's rows."""
    uri, options = store.at("table"), delta_storage_options(store.uri)
    write_deltalake(uri, ROWS, partition_by=["kind"], storage_options=options)
    DeltaTable(uri, storage_options=options).delete("id = 1")
    write_deltalake(uri, ROWS, mode="append", storage_options=options)
    return uri


def test_read_commits_tells_what_each_added_and_removed(store: Store) -> None:
    first, second, third = read_commits(written(store), 2)

    assert (first.version, first.rows_added(), first.removed) == (0, 3, [])
    assert (second.operation, second.rows_added(), len(second.removed)) == ("DELETE", 0, 1)
    assert set(second.removed) <= set(first.added)
    assert (third.version, third.rows_added()) == (2, 3)
    assert first.ours == {}


def test_read_commits_leaves_out_what_is_gone(store: Store) -> None:
    uri = written(store)
    store.remove(f"table/_delta_log/{1:020}.json")

    assert [one.version for one in read_commits(uri, 2)] == [0, 2]


def test_active_files_are_those_that_the_commits_leave(store: Store) -> None:
    uri = written(store)
    commits = list(read_commits(uri, 2))

    active = active_files(open_table(uri))

    left = {path for one in commits for path in one.added} - {path for one in commits for path in one.removed}
    assert set(active["path"]) == left
    assert active["rows"].to_list() == [1] * 5


def test_active_files_without_a_table_are_none() -> None:
    assert active_files(None).schema == {"path": pl.String(), "rows": pl.Int64()}


def test_parse_commit_takes_deleted_rows_off_and_knows_when_it_does_not_know() -> None:
    actions = [
        {"add": {"path": "a", "stats": json.dumps({"numRecords": 9}), "deletionVector": {"cardinality": 4}}},
        {"add": {"path": "b", "stats": None}},
        {"add": {"path": "c"}},
        {"txn": {"appId": "events", "version": 7}},
        {"commitInfo": {"operation": "WRITE", "penstock": {"batch": 7}}},
        {"somethingNew": {}},
    ]
    commit = parse_commit("\n".join(map(json.dumps, actions)).encode(), 3, where="here")

    assert commit.added == {"a": 5, "b": None, "c": None}
    assert commit.rows_added() == 5
    assert (commit.transactions, commit.ours, commit.operation) == ({"events": 7}, {"batch": 7}, "WRITE")


@pytest.mark.parametrize("data", [b"{oops", b"[]", b'"add"', b'{"add": {"stats": "{}"}}', b'{"add": 5}'])
def test_parse_commit_that_is_none_names_the_file(data: bytes) -> None:
    with pytest.raises(TableError, match="here"):
        parse_commit(data, 0, where="here")

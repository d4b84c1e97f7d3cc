"""Commits that take files out and put others in: once, atomically, and never over what others changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from storage.create_only import create_only
from storage.errors import StaleReadError, StorageError, TableError, TableSchemaError, UnavailableError
from storage.filesystem import delta_storage_options, open_filesystem
from storage.tables.delta import last_batch
from storage.tables.replacing import replacement as replacement_module
from storage.tables.replacing.partition_keys import partition_of
from storage.tables.replacing.replacement import Replacement, commit_replacement, log_file, read_actions
from storage.tables.write_probe import probe_store
from tests.conftest import Store
from tests.fault_proxy import FaultProxy, running_fault_proxy
from tests.object_store import ObjectStore
from tests.readers import ask_duckdb, needs_readers
from tests.storage.layout.test_layout import AWKWARD
from tests.storage.replacing.replacements import (
    active_files,
    append,
    opened,
    plus_100,
    read,
    replace,
    replacement,
    rows,
    written,
)


@pytest.fixture
def uri(store: Store) -> str:
    """A table of two partitions and three files."""
    uri = store.at("table")
    append(uri, pl.concat([rows([1, 2]), rows([3], "b")]))
    append(uri, rows([4]))
    return uri


@pytest.fixture
def local_uri(tmp_path: Path) -> str:
    uri = str(tmp_path / "table")
    append(uri, pl.concat([rows([1, 2]), rows([3], "b")]))
    append(uri, rows([4]))
    return uri


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


def test_delta_rs_goes_on_after_commit_replacement(uri: str) -> None:
    append(uri, rows([5], "c %é/"))
    replace(uri, plus_100, p="c %é/")
    replace(uri, plus_100, operation="OPTIMIZE")
    options = delta_storage_options(uri)

    opened(uri).create_checkpoint()
    write_deltalake(opened(uri), rows([6], "c %é/"), mode="append")
    opened(uri).update({"x": "x + 1"}, predicate="p = 'c %é/'")
    opened(uri).delete("n = 1")
    opened(uri).optimize.compact()
    removed = opened(uri).vacuum(0, dry_run=False, enforce_retention_duration=False)
    opened(uri).create_checkpoint()

    assert len(removed) >= 4
    assert read(uri).rows() == [
        (2, 100, "a"),
        (3, 0, "b"),
        (4, 100, "a"),
        (5, 101, "c %é/"),
        (6, 1, "c %é/"),
    ]
    replace(uri, plus_100, whole=True)
    assert read(uri)["x"].to_list() == [200, 100, 200, 201, 101]
    assert DeltaTable(uri, version=2, storage_options=options).version() == 2


@pytest.mark.parametrize(
    "writer", [append, lambda uri, more: write_deltalake(opened(uri), more, mode="append")]
)
def test_commit_replacement_follows_appends_to_other_partitions(uri: str, writer: Any) -> None:
    table = opened(uri)
    one = replacement(uri, table, plus_100)
    writer(uri, rows([5], "b"))
    writer(uri, rows([6], "c"))

    assert commit_replacement(uri, table, one) == 4
    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0, 0]


def test_commit_replacement_that_reads_nothing_follows_appends_to_its_partition(uri: str) -> None:
    table = opened(uri)
    one = replacement(uri, table, plus_100, reads=frozenset())
    append(uri, rows([5]))

    assert commit_replacement(uri, table, one) == 3
    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0]


def _add_column(table: DeltaTable) -> None:
    more = rows([5], "b").with_columns(more=pl.lit(1))
    write_deltalake(table, more, mode="append", schema_mode="merge")


CLASHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "rows of the partition": (lambda t: write_deltalake(t, rows([5]), mode="append"), {}),
    "rows of any partition": (lambda t: write_deltalake(t, rows([5], "z"), mode="append"), {"reads": "all"}),
    "is gone": (lambda t: t.delete("n = 1"), {"reads": frozenset()}),
    "is gone, compacted": (lambda t: t.optimize.compact(), {}),
    "columns": (_add_column, {"reads": frozenset()}),
    "properties": (
        lambda t: t.alter.set_table_properties({"delta.checkpointInterval": "7"}),
        {"reads": frozenset()},
    ),
    "same application": (
        lambda t: write_deltalake(
            t,
            rows([5], "z"),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction("app", 1)]),
        ),
        {"reads": frozenset(), "transactions": {"app": 2}},
    ),
}


@pytest.mark.parametrize("clash", CLASHES)
def test_commit_replacement_of_what_others_changed_is_refused(local_uri: str, clash: str) -> None:
    theirs, options = CLASHES[clash]
    table = opened(local_uri)
    one = replacement(local_uri, table, plus_100, **options)
    theirs(opened(local_uri))
    before = read(local_uri)

    with pytest.raises(StaleReadError) as refused:
        commit_replacement(local_uri, table, one)

    assert clash.partition(",")[0].partition(" of any")[0] in str(refused.value)
    assert_frame_equal(read(local_uri), before)
    assert opened(local_uri).version() == 2


# Each as what it does to a table that may be stale, and as what it does to its rows.
THEIRS: dict[str, tuple[Any, Any]] = {
    "append": (
        lambda t: write_deltalake(t, rows([9]), mode="append"),
        lambda f: pl.concat([f, rows([9])]),
    ),
    "append elsewhere": (
        lambda t: write_deltalake(t, rows([9], "z"), mode="append"),
        lambda f: pl.concat([f, rows([9], "z")]),
    ),
    "delete": (lambda t: t.delete("n = 1"), lambda f: f.filter(pl.col("n") != 1)),
    "delete of what ours makes": (lambda t: t.delete("x >= 100"), lambda f: f.filter(pl.col("x") < 100)),
    "delete of a partition": (lambda t: t.delete("p = 'a'"), lambda f: f.filter(pl.col("p") != "a")),
    "update": (
        lambda t: t.update({"x": "x + 1"}, predicate="p = 'a'"),
        lambda f: f.with_columns(pl.when(p="a").then(pl.col("x") + 1).otherwise("x").alias("x")),
    ),
    "update elsewhere": (
        lambda t: t.update({"x": "x + 1"}, predicate="p = 'b'"),
        lambda f: f.with_columns(pl.when(p="b").then(pl.col("x") + 1).otherwise("x").alias("x")),
    ),
    "compact": (lambda t: t.optimize.compact(), lambda f: f),
    "merge": (
        lambda t: (
            t.merge(rows([1, 9], x=5), "s.n = t.n and s.p = t.p", source_alias="s", target_alias="t")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        ),
        lambda f: pl.concat([f.filter(~pl.col("n").is_in([1, 9])), rows([1, 9], x=5)]),
    ),
    "overwrite": (
        lambda t: write_deltalake(t, rows([7]), mode="overwrite", predicate="p = 'a'"),
        lambda f: pl.concat([f.filter(pl.col("p") != "a"), rows([7])]),
    ),
}


def _insert_9(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if 9 in frame.filter(p="a")["n"] else pl.concat([frame, rows([9], x=100)])


# Each as how it makes a replacement, and as what it does to the rows.
OURS: dict[str, tuple[Any, Any]] = {
    "rewrite": (
        lambda uri, t: replacement(uri, t, plus_100),
        lambda f: pl.concat([plus_100(f.filter(p="a")), f.filter(pl.col("p") != "a")]),
    ),
    "insert": (
        lambda uri, _: Replacement(
            [],
            written(uri, rows([9], x=100)),
            "MERGE",
            True,
            frozenset({partition_of({"p": "a"})}),
            {"commit_id": "i"},
        ),
        _insert_9,
    ),
    "compact": (
        lambda uri, t: replacement(uri, t, lambda f: f, data_change=False, operation="OPTIMIZE"),
        lambda f: f,
    ),
    "empty": (lambda uri, t: replacement(uri, t, pl.DataFrame.clear), lambda f: f.filter(pl.col("p") != "a")),
}


def _applied(frame: pl.DataFrame, changes: list[Any]) -> pl.DataFrame:
    for change in changes:
        frame = change(frame)
    return frame.sort("n", "x", "p")


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours first", "theirs first"])
@pytest.mark.parametrize("theirs", THEIRS)
@pytest.mark.parametrize("ours", OURS)
def test_commit_replacement_raced_by_delta_rs_is_as_if_one_after_the_other(
    local_uri: str, ours: str, theirs: str, ours_first: bool
) -> None:
    (make, ours_changes), (do, theirs_changes) = OURS[ours], THEIRS[theirs]
    table, stale, rows_before = opened(local_uri), opened(local_uri), read(local_uri)
    one = make(local_uri, table)
    turns = [
        (lambda: commit_replacement(local_uri, table, one), ours_changes),
        (lambda: do(stale), theirs_changes),
    ]
    changes = []
    for turn, change in turns if ours_first else reversed(turns):
        before = opened(local_uri).version()
        try:
            turn()
        except (StaleReadError, CommitFailedError) as refused:
            assert opened(local_uri).version() == before, refused
        else:
            changes.append(change)

    found, orders = read(local_uri), (changes, changes[::-1])
    assert any(found.equals(_applied(rows_before, order)) for order in orders)
    pyarrow = pl.DataFrame(opened(local_uri).to_pyarrow_table()).select("n", "x", "p").sort("n", "x", "p")
    assert_frame_equal(pyarrow, found)


@pytest.mark.parametrize("data_change", [True, False])
def test_appends_of_ours_follow_a_replacement_that_they_have_not_seen(uri: str, data_change: bool) -> None:
    stale = opened(uri)
    replace(uri, plus_100, data_change=data_change)

    append(uri, rows([9]), stale)

    assert read(uri)["x"].to_list() == [100, 100, 0, 100, 0]


def test_commit_replacement_raced_by_others_loses_no_update(uri: str) -> None:
    def add_up(turns: int) -> int:
        lost = 0
        while turns:
            try:
                replace(uri, lambda frame: frame.with_columns(pl.col("x") + 1))
                turns -= 1
            except StaleReadError:
                lost += 1
        return lost

    with ThreadPoolExecutor(3) as writers:
        list(writers.map(add_up, [4] * 3))

    assert read(uri)["x"].to_list() == [12, 12, 0, 12]
    assert opened(uri).version() == 1 + 12


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


MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))  # noqa: DTZ001


@given(MOMENTS)
def test_partition_of_a_moment_is_the_same_whoever_wrote_it(moment: dt.datetime) -> None:
    date, time = moment.strftime("%Y-%m-%d").rjust(10, "0"), moment.strftime("%H:%M:%S.%f")
    forms = [f"{date} {time}", f"{date}T{time}Z", f"{date} {time}+00:00"]
    if not moment.microsecond:
        forms += [f"{date} {time[:8]}", f"{date}T{time[:8]}Z"]

    assert len({partition_of({"at": form}) for form in forms}) == 1
    assert partition_of({"at": forms[0]}) != partition_of({"at": forms[0].replace(":", "_")})


@given(st.text(max_size=30), st.text(max_size=30))
def test_partition_of_other_texts_is_another(one: str, other: str) -> None:
    assert (partition_of({"p": one}) == partition_of({"p": other})) == (one == other)
    assert partition_of({"p": ""}) == partition_of({"p": None})
    assert partition_of({"a": one, "b": other}) == partition_of({"b": other, "a": one})


def test_commit_replacement_sees_appends_of_delta_rs_to_a_partition_of_moments(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    frame = pl.DataFrame({"n": [1], "at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]})
    write_deltalake(uri, frame, partition_by=["at"])
    table = opened(uri)
    ours = partition_of({"at": "2026-01-01T00:00:00.000000Z"})
    one = Replacement([], [], "MERGE", True, frozenset({ours}), {"commit_id": "x"})
    write_deltalake(opened(uri), frame, mode="append")

    with pytest.raises(StaleReadError):
        commit_replacement(uri, table, one)
    assert len(active_files(uri, opened(uri))) == 2

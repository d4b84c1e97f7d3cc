"""What a merge reads, writes and leaves alone."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.errors import ConcurrentRunError, TableError, TableSchemaError, UnavailableError
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from storage.tables.merging import commit as merging
from storage.tables.merging.keys import check_rule
from storage.tables.merging.merge import merged
from storage.tables.merging.rule import MergeCounts
from storage.tables.replacing.replacement import commit_replacement
from tests.conftest import Store
from tests.storage.merging.merges import a_rule, active_paths, commit, rows, staged, stored_paths, take_in


@pytest.fixture
def local(tmp_path: Path) -> Store:
    """A place of the test's own on the local disk."""
    return Store(str(tmp_path))


def numbers(*ids: int, value: int = 0, part: str = "a") -> pl.DataFrame:
    """Rows with these keys."""
    return pl.DataFrame({"part": [part] * len(ids), "id": ids, "value": [value] * len(ids)})


def values(uri: str) -> dict[int, int]:
    """The value of each key; a key that is there twice is an error."""
    found = rows(uri)
    assert found["id"].is_unique().all()
    return dict(found.select("id", "value").sort("id").rows())


def spoil(uri: str, paths: set[str]) -> None:
    """Makes files that nobody can read."""
    for path in paths:
        Path(uri, path).write_bytes(b"no Parquet")


def test_commit_of_rows_of_one_partition_opens_no_file_of_others(local: Store) -> None:
    uri, rule = local.at("table"), a_rule(key=("part", "id"), partition_by=("part",))
    take_in(uri, rule, 1, pl.concat([numbers(1, 2, part="a"), numbers(1, 2, part="b")]))
    spoil(uri, {path for path in active_paths(uri) if "part=b" in path})

    done = take_in(uri, rule, 2, numbers(2, 3, value=1))

    assert done.counts == MergeCounts(inserted=1, updated=1, replaced=1)


@pytest.mark.parametrize("mode", ["upsert", "insert_new"])
def test_commit_of_rows_opens_no_file_whose_bounds_exclude_their_keys(local: Store, mode: Any) -> None:
    uri, rule = local.at("table"), a_rule(mode)
    for number, first in enumerate([0, 100, 200], 1):
        take_in(uri, rule, number, numbers(*range(first, first + 10)))
    before = active_paths(uri)
    spoil(uri, before - last(uri))

    done = take_in(uri, rule, 4, numbers(205, 50, value=1))

    assert done.counts is not None
    assert done.counts.inserted == 1
    assert len(before - active_paths(uri)) == (mode == "upsert")


def last(uri: str) -> set[str]:
    """The file of the newest version."""
    actions = pl.DataFrame(DeltaTable(uri).get_add_actions())
    return set(actions.filter(pl.col("min").struct.field("id") == 200)["path"])


def test_commit_where_no_key_is_there_adds_the_staged_files_as_they_are(local: Store) -> None:
    uri, rule = local.at("table"), a_rule()
    take_in(uri, rule, 1, numbers(1, 3))
    table, files = open_table(uri), staged(uri, rule, [numbers(2, 4)])
    before = active_paths(uri)

    commit(uri, table, rule, 2, files, numbers(1).schema)

    assert active_paths(uri) == before | {one.path for one in files}


def test_commit_rewrites_the_files_that_lose_rows_and_no_others(local: Store) -> None:
    uri, rule = local.at("table"), a_rule()
    take_in(uri, rule, 1, numbers(1, 3, 5))
    take_in(uri, rule, 2, numbers(2, 4, 6))
    (even,) = (path for path in active_paths(uri) if 2 in pl.read_parquet(Path(uri, path))["id"])

    done = take_in(uri, rule, 3, numbers(3, 7, value=1))

    assert done.counts == MergeCounts(inserted=1, updated=1, replaced=1)
    assert even in active_paths(uri)
    assert values(uri) == {1: 0, 2: 0, 3: 1, 4: 0, 5: 0, 6: 0, 7: 1}
    assert len(stored_paths(uri) - active_paths(uri)) == 1


@pytest.mark.parametrize("amounts", [[0.5], [0.5, float("nan")]])
def test_commit_of_a_file_beyond_the_memory_writes_it_again_as_one(
    local: Store, amounts: list[float]
) -> None:
    uri, rule = local.at("table"), a_rule(memory_bytes=2**16)
    amount = pl.Series("amount", [*[1.0] * 5000, *amounts][-5000:])
    take_in(uri, rule, 1, numbers(*range(5000)).with_columns(amount))

    done = take_in(uri, rule, 2, numbers(1, 4998, value=1).with_columns(amount=2.0))

    assert done.counts == MergeCounts(updated=2, replaced=2)
    assert sorted(rows(uri)["id"]) == list(range(5000))
    old, new = sorted((pq.read_metadata(Path(uri, path)) for path in active_paths(uri)), key=rows_in)
    assert (old.num_rows, new.num_rows, new.num_row_groups > 2) == (2, 4998, True)
    bounded = "amount" in next(one for one in bounds(uri) if one["id"] == 0)
    assert bounded == (len(amounts) == 1)


def rows_in(footer: Any) -> int:
    rows: int = footer.num_rows
    return rows


def bounds(uri: str) -> list[dict[str, Any]]:
    """The least values of each file, as its statistics have them."""
    log = sorted(Path(uri, "_delta_log").glob("*.json"))[-1].read_text().splitlines()
    stats = [json.loads(json.loads(line)["add"]["stats"]) for line in log if '"add"' in line]
    return [one.get("minValues", {"id": 0}) for one in stats]


KEYS: dict[str, list[Any]] = {
    "text": ["", "a", "ä" * 40, "ä" * 40 + "b", "\U0010ffff" * 40],
    "other planes": ["𠮷", "\U0010ffff"],
    "integers": [-(2**63), -1, 0, 1, 2**63 - 1],
    "floats": [float("-inf"), -0.5, 0.0, 1e300, float("nan")],
    "booleans": [False, True],
    "dates": [dt.date(1, 1, 1), dt.date(1970, 1, 1), dt.date(9999, 12, 31)],
    "moments": [dt.datetime(2026, 1, 1, microsecond=micro, tzinfo=dt.UTC) for micro in (0, 1, 999_999)],
    "local moments": [dt.datetime(2026, 1, 1, microsecond=micro) for micro in (0, 1)],  # noqa: DTZ001
    "decimals": [Decimal("-1.50"), Decimal("0.00"), Decimal("12345678901234567890.12")],
    "binary": [b"", b"\x00", b"\xff"],
    "fields": [{"id": 1, "more": [1]}, {"id": 2, "more": None}],
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("mode", ["upsert", "insert_new"])
def test_commit_finds_keys_of_every_type_again(store: Store, kind: str, mode: Any) -> None:
    uri, keys = store.at("table"), KEYS[kind]
    rule = a_rule(mode, key=("key.id",) if kind == "fields" else ("key",))
    first, second = (pl.DataFrame({"key": keys, "value": [value] * len(keys)}) for value in (1, 2))
    take_in(uri, rule, 1, first[:-1])

    done = take_in(uri, rule, 2, second)

    known = len(keys) - 1
    changed = {"updated": known, "replaced": known} if mode == "upsert" else {"existing": known}
    assert done.counts == MergeCounts(inserted=1, **changed)
    expected = [2] * len(keys) if mode == "upsert" else [*[1] * known, 2]
    assert sorted(rows(uri)["value"]) == expected


def test_commit_finds_keys_in_a_partition_of_any_character_again(store: Store) -> None:
    uri, rule = store.at("table"), a_rule(key=("part",), partition_by=("part",))
    frame = pl.DataFrame({"part": ["𠮷", "\U0010ffff", "\U000e0067"], "value": [1, 2, 3]})

    counts = [take_in(uri, rule, number, frame).counts for number in (1, 2, 3)]

    assert counts[1:] == [MergeCounts(updated=3, replaced=3)] * 2
    assert sorted(rows(uri).select("part", "value").rows()) == sorted(frame.rows())


def test_commit_by_a_column_that_is_younger_than_some_files_takes_their_rows_for_keyless(
    local: Store,
) -> None:
    uri = local.at("table")
    take_in(uri, a_rule(), 1, pl.DataFrame({"id": [1]}))
    wider = pl.DataFrame({"id": [1, 2], "at": [None, 1]}, schema={"id": pl.Int64, "at": pl.Int64})

    done = take_in(uri, a_rule(order_by=("at",)), 2, wider)

    assert done.counts == MergeCounts(inserted=1, updated=1, replaced=1)
    assert sorted(rows(uri).rows()) == [(1, None), (2, 1)]


def test_commit_with_wider_types_evolves_the_table_first(local: Store) -> None:
    uri, rule = local.at("table"), a_rule()
    narrow = {"id": pl.Int32, "value": pl.Int32}
    take_in(uri, rule, 1, pl.DataFrame({"id": [1, 2], "value": [1, 1]}, schema=narrow))

    done = take_in(uri, rule, 2, pl.DataFrame({"id": [2, 2**40], "value": [2**40, 2]}))

    assert done.counts == MergeCounts(inserted=1, updated=1, replaced=1)
    assert values(uri) == {1: 1, 2: 2**40, 2**40: 2}


def test_commit_that_finds_a_key_twice_in_the_table_replaces_both(local: Store) -> None:
    uri = local.at("table")
    take_in(uri, a_rule("replace"), 1, numbers(1, 1, 2))

    done = take_in(uri, a_rule(), 2, numbers(1, value=1))

    assert done.counts == MergeCounts(updated=1, replaced=2)
    assert values(uri) == {1: 1, 2: 0}


def test_commit_to_a_table_that_another_program_wrote_merges(store: Store) -> None:
    uri, rule = store.at("table"), a_rule(key=("day", "id"), partition_by=("day",), order_by=("at",))
    days = [dt.date(2026, 1, 1), dt.date(2026, 1, 1), dt.date(2026, 1, 2)]
    first = pl.DataFrame({"id": ["a", "b", "a"], "at": [5, 5, 5], "day": days})
    write_deltalake(uri, first, partition_by=["day"], storage_options=options(uri))
    second = pl.DataFrame({"id": ["b", "a", "c"], "at": [6, 4, None], "day": days})

    done = take_in(uri, rule, 1, second)

    assert done.counts == MergeCounts(inserted=1, updated=1, older=1, replaced=1)
    found = rows(uri).select("day", "id", "at").sort("day", "id").rows()
    assert found == [(days[0], "a", 5), (days[0], "b", 6), (days[2], "a", 5), (days[2], "c", None)]


def test_commit_of_an_empty_batch_to_replace_with_replaces_nothing(local: Store) -> None:
    uri, rule = local.at("table"), a_rule("replace")
    take_in(uri, rule, 1, numbers(1, 2))

    done = take_in(uri, rule, 2, numbers(1).clear())

    assert done.counts == MergeCounts()
    assert values(uri) == {1: 0, 2: 0}


def test_commit_to_a_file_with_other_rows_than_the_log_says_refuses(local: Store) -> None:
    uri, rule = local.at("table"), a_rule()
    take_in(uri, rule, 1, numbers(1, 2))
    (path,) = active_paths(uri)
    numbers(2, 1, 3).write_parquet(Path(uri, path))
    files = staged(uri, rule, [numbers(1, value=1)])

    with pytest.raises(TableError, match="does not hold the rows"):
        commit(uri, open_table(uri), rule, 2, files, numbers(1).schema)

    assert stored_paths(uri) == {path, files[0].path}


@pytest.mark.parametrize("mode", ["upsert", "insert_new", "replace"])
@pytest.mark.parametrize("rival", ["append", "upsert", "compaction"])
def test_commit_while_others_change_the_table_merges_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, mode: Any, rival: str
) -> None:
    uri, rule = store.at("table"), a_rule(mode)
    take_in(uri, rule, 1, numbers(1, 2), app_id="ours")
    take_in(uri, rule if mode != "replace" else a_rule(), 1, numbers(3), app_id="theirs")
    before_commit(monkeypatch, lambda: compete(uri, rival))

    done = take_in(uri, rule, 2, numbers(2, 4, 5, value=1), app_id="ours")

    expected = {
        "upsert": {1: 0, 2: 1, 3: 0, 4: 1, 5: 1},
        "insert_new": {1: 0, 2: 0, 3: 0, 4: 1 if rival == "compaction" else 9, 5: 1},
        "replace": {2: 1, 4: 1, 5: 1},
    }
    assert values(uri) == expected[mode]
    assert done.counts is not None
    assert stored_paths(uri) >= active_paths(uri)


def before_commit(monkeypatch: pytest.MonkeyPatch, meanwhile: Any, times: int = 1) -> None:
    """Lets something else happen between a merge and its commit, the first time or times."""
    left = iter(range(times))

    def merging_slowly(*arguments: Any) -> Any:
        merge = merged(*arguments)
        if next(left, None) is not None:
            meanwhile()
        return merge

    monkeypatch.setattr(merging, "merged", merging_slowly)


def compete(uri: str, rival: str) -> None:
    """Another pipeline, or a compaction, that is faster."""
    if rival == "compaction":
        DeltaTable(uri, storage_options=options(uri)).optimize.compact()
        return
    rule, row = a_rule(), numbers(4, value=9)
    files = staged(uri, rule, [row])
    if rival == "append":
        commit_batch(uri, open_table(uri), app_id="theirs", batch=2, files=files, schema=row.schema)
    else:
        commit(uri, open_table(uri), rule, 2, files, row.schema, app_id="theirs")


def options(uri: str) -> dict[str, str]:
    from storage.filesystem import delta_storage_options

    return delta_storage_options(uri)


def test_commit_while_another_partition_changes_is_not_disturbed(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, rule = local.at("table"), a_rule(key=("part", "id"), partition_by=("part",))
    take_in(uri, rule, 1, pl.concat([numbers(1, part="a"), numbers(1, part="b")]))
    merges: list[None] = []

    def elsewhere() -> None:
        merges.append(None)
        files = staged(uri, rule, [numbers(1, 2, value=9, part="b")])
        commit_batch(
            uri, open_table(uri), app_id="o", batch=1, files=files,
            schema=numbers(1).schema, partition_by=["part"],
        )  # fmt: skip

    before_commit(monkeypatch, elsewhere, times=2)

    take_in(uri, rule, 2, numbers(1, value=1, part="a"))

    assert len(merges) == 1
    assert sorted(rows(uri).rows()) == [("a", 1, 1), ("b", 1, 0), ("b", 1, 9), ("b", 2, 9)]


def test_commit_while_others_never_rest_gives_up_and_leaves_nothing_half_done(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri, rule = local.at("table"), a_rule()
    take_in(uri, rule, 1, numbers(1, 2))
    batch = iter(range(1, 1000))

    def never_rest() -> None:
        row = numbers(1000 + next(batch))
        files = staged(uri, rule, [row])
        number = row["id"][0] - 1000
        commit_batch(uri, open_table(uri), app_id="o", batch=number, files=files, schema=row.schema)

    before_commit(monkeypatch, never_rest, times=1000)
    files = staged(uri, rule, [numbers(1, value=1)])

    with pytest.raises(UnavailableError, match="again and again"):
        commit(uri, open_table(uri), rule, 2, files, numbers(1).schema)

    assert values(uri)[1] == 0
    assert stored_paths(uri) - active_paths(uri) == {files[0].path}


@pytest.mark.parametrize("mode", ["upsert", "insert_new", "replace"])
@pytest.mark.parametrize("exists", [True, False])
def test_commit_of_two_attempts_at_a_batch_lets_one_through(
    store: Store, monkeypatch: pytest.MonkeyPatch, mode: Any, exists: bool
) -> None:
    uri, rule = store.at("table"), a_rule(mode)
    if exists:
        take_in(uri, rule, 1, numbers(1, 2))
    number, row = 1 + exists, numbers(2, 3, value=1)
    tables, files = [open_table(uri) for _ in range(2)], [staged(uri, rule, [row]) for _ in range(2)]
    before_commit(monkeypatch, lambda: commit(uri, tables[1], rule, number, files[1], row.schema))

    with pytest.raises(ConcurrentRunError, match="nothing is lost"):
        commit(uri, tables[0], rule, number, files[0], row.schema)

    assert values(uri)[3] == 1
    assert not {one.path for one in files[0]} & active_paths(uri)


@pytest.mark.parametrize("mode", ["upsert", "insert_new", "replace"])
def test_commit_called_again_after_its_answer_got_lost_finds_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, mode: Any
) -> None:
    uri, rule = store.at("table"), a_rule(mode, sort_by=("value",))
    take_in(uri, rule, 1, numbers(1, 2))
    table, row = open_table(uri), numbers(2, 3, 3, value=1)
    files, done = staged(uri, rule, [row]), commit_replacement

    def lost(*arguments: Any) -> int:
        done(*arguments)
        raise UnavailableError("the answer got lost")

    with monkeypatch.context() as patch, pytest.raises(UnavailableError):
        patch.setattr(merging, "commit_replacement", lost)
        commit(uri, table, rule, 2, files, row.schema)
    version = newest(uri)

    again = commit(uri, table, rule, 2, files, row.schema)

    assert (again.version, newest(uri)) == (version, version)
    assert again.counts is not None
    assert again.counts.written + again.counts.left_out == 3
    assert stored_paths(uri) >= active_paths(uri)


def newest(uri: str) -> int:
    table = open_table(uri)
    assert table is not None
    return int(table.version())


@pytest.mark.parametrize(
    ("properties", "mode", "refused"),
    [
        ({"delta.appendOnly": "true"}, "upsert", True),
        ({"delta.appendOnly": "true"}, "replace", True),
        ({"delta.appendOnly": "true"}, "insert_new", False),
        ({"delta.enableDeletionVectors": "true"}, "insert_new", True),
    ],
)
def test_commit_to_a_table_that_forbids_it_refuses(
    local: Store, properties: dict[str, str], mode: Any, refused: bool
) -> None:
    uri = local.at("table")
    take_in(uri, a_rule(), 1, numbers(1))
    DeltaTable(uri).alter.set_table_properties(properties, raise_if_not_exists=False)
    if "delta.enableDeletionVectors" in properties:
        from deltalake import TableFeatures

        DeltaTable(uri).alter.add_feature(
            TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
        )

    try:
        take_in(uri, a_rule(mode), 2, numbers(2))
    except TableSchemaError as error:
        assert refused
        assert "mode: append" in str(error)
    else:
        assert not refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": ("ids",)}, "id"),
        ({"key": ("nested",)}, "cannot be compared"),
        ({"key": ("nested.list",)}, "cannot be compared"),
        ({"key": ("nested.x.y",)}, "transform have not"),
        ({"order_by": ("no",)}, "transform have not"),
        ({"order_by": ("nested.list",)}, "cannot be compared"),
    ],
)
def test_check_rule_of_columns_that_cannot_be_compared_names_them(options: dict[str, Any], said: str) -> None:
    schema = pl.Schema(
        {"id": pl.Int64(), "nested": pl.Struct({"x": pl.Int64(), "list": pl.List(pl.Int64())})}
    )

    with pytest.raises(TableSchemaError) as caught:
        check_rule(schema, a_rule(**options))

    option, (path,) = next(iter(options.items()))
    assert f"table.{option}, {path!r}" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("mode", ["upsert", "insert_new", "replace"])
def test_commit_to_a_table_with_files_elsewhere_refuses(local: Store, mode: Any) -> None:
    uri = local.at("table")
    take_in(uri, a_rule(), 1, numbers(1))
    log = max(Path(uri, "_delta_log").glob("*.json"))
    log.write_text(log.read_text().replace('"add":{"path":"', f'"add":{{"path":"file://{uri}/'))

    with pytest.raises(TableSchemaError, match="files outside of its folder"):
        take_in(uri, a_rule(mode), 2, numbers(2))

"""Which files a batch takes in: once, in order, and the same again after a crash."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import ConcurrentRunError, NotFoundError, NothingLandedError, TableError, UnavailableError
from storage.landing.listing import LANDING_SCHEMA, list_landing
from storage.tables import commits
from storage.tables.delta import open_table
from storage.tables.ledger import planning
from storage.tables.ledger.planned import (
    LEDGER_SCHEMA,
    OPEN_FILES_SCHEMA,
    ledger_uri,
    planned_files,
    waiting_files,
)
from storage.tables.ledger.planning import plan, plan_replay, plan_undo, unplan
from tests.conftest import Store

NEVER_LISTED = "the landing zone must not be listed"


def landed(*files: tuple[str, int, int]) -> pl.DataFrame:
    """Files of path, size and second of their modification."""
    rows = [
        (path, f"identity of {path}", size, datetime.fromtimestamp(second, UTC))
        for path, size, second in files
    ]
    return pl.DataFrame(rows, schema=LANDING_SCHEMA, orient="row")


def plan_one(
    store: Store, batch: int, files: pl.DataFrame | None, *, max_files: int = 100, max_bytes: int = 1000
) -> list[str] | None:
    """The paths of the planned batch; without `files`, nothing may be listed."""

    def listing() -> pl.DataFrame:
        assert files is not None, NEVER_LISTED
        return files

    found = plan(store.at("t"), "p", batch, landed=listing, max_files=max_files, max_bytes=max_bytes)
    return None if found is None else found["path"].to_list()


def test_plan_takes_the_oldest_files_first_and_by_path_where_equally_old(store: Store) -> None:
    files = landed(("b", 1, 20), ("c", 1, 10), ("a", 1, 20))

    found = plan(store.at("t"), "p", 1, landed=lambda: files, max_files=10, max_bytes=100)

    assert found is not None
    assert found.schema == LEDGER_SCHEMA.to_frame().drop("pipeline", "batch").schema
    assert found["path"].to_list() == ["c", "a", "b"]
    assert found["file"].to_list() == [0, 1, 2]


def test_plan_when_the_batch_is_planned_gives_exactly_its_files_without_listing(store: Store) -> None:
    first = plan(
        store.at("t"), "p", 1, landed=lambda: landed(("a", 1, 2), ("b", 2, 1)), max_files=9, max_bytes=9
    )

    def listing() -> pl.DataFrame:
        raise AssertionError(NEVER_LISTED)

    again = plan(store.at("t"), "p", 1, landed=listing, max_files=1, max_bytes=1)

    assert first is not None
    assert again is not None
    assert again.equals(first)


def test_plan_never_takes_a_file_twice_unless_it_changed(store: Store) -> None:
    files = landed(("a", 1, 1), ("b", 1, 1))
    assert plan_one(store, 1, files) == ["a", "b"]
    assert plan_one(store, 2, files) is None

    changed = files.with_columns(identity=pl.when(path="a").then(pl.lit("another")).otherwise("identity"))

    assert plan_one(store, 2, pl.concat([changed, landed(("c", 1, 0))])) == ["c", "a"]


def test_plan_keeps_to_the_limits_but_takes_one_file(store: Store) -> None:
    files = landed(("a", 60, 1), ("b", 60, 2), ("c", 0, 3), ("d", 500, 4))

    assert plan_one(store, 1, files, max_bytes=119) == ["a"]
    assert plan_one(store, 2, files, max_files=1) == ["b"]
    assert plan_one(store, 3, files, max_bytes=1) == ["c"]
    assert plan_one(store, 4, files, max_bytes=1) == ["d"]
    assert plan_one(store, 5, files) is None


def test_plan_of_two_pipelines_on_one_table_keeps_them_apart(store: Store) -> None:
    files = landed(("a", 1, 1))
    for name in ("p", "q"):
        found = plan(store.at("t"), name, 1, landed=lambda: files, max_files=1, max_bytes=1)
        assert found is not None

    assert planned_files(store.at("t"), "q").collect()["path"].to_list() == ["a"]
    assert plan_one(store, 2, files) is None


@settings(max_examples=25, deadline=None)
@given(
    files=st.lists(
        st.tuples(st.integers(0, 99), st.integers(0, 50), st.integers(0, 3)),
        max_size=12,
        unique_by=lambda one: one[0],
    ),
    max_files=st.integers(1, 5),
    max_bytes=st.integers(0, 120),
)
def test_plan_until_nothing_waits_takes_every_file_once(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[int, int, int]],
    max_files: int,
    max_bytes: int,
) -> None:
    store = Store(str(tmp_path_factory.mktemp("ledger")))
    listing = landed(*((f"{name:02}", size, second) for name, size, second in files))
    taken: list[str] = []
    batch = 1
    while paths := plan_one(store, batch, listing, max_files=max_files, max_bytes=max_bytes):
        sizes = listing.filter(pl.col("path").is_in(paths))["size"]
        assert len(paths) <= max_files
        assert sizes.sum() <= max_bytes or len(paths) == 1
        taken += paths
        batch += 1

    assert taken == listing.sort("modified", "path")["path"].to_list()


def test_plan_when_another_run_plans_meanwhile_refuses_and_leaves_its_plan(store: Store) -> None:
    def listing() -> pl.DataFrame:
        assert plan_one(store, 1, landed(("theirs", 1, 1))) == ["theirs"]
        return landed(("ours", 1, 1))

    with pytest.raises(ConcurrentRunError):
        plan(store.at("t"), "p", 1, landed=listing, max_files=1, max_bytes=1)

    assert plan_one(store, 1, None) == ["theirs"]


def test_plan_when_another_run_plans_a_later_batch_meanwhile_refuses(store: Store) -> None:
    assert plan_one(store, 1, landed(("a", 1, 1))) == ["a"]

    def listing() -> pl.DataFrame:
        assert plan_one(store, 2, landed(("theirs", 1, 1))) == ["theirs"]
        return landed(("ours", 1, 1))

    with pytest.raises(ConcurrentRunError):
        plan(store.at("t"), "p", 2, landed=listing, max_files=1, max_bytes=1)

    assert planned_files(store.at("t"), "p").sort("batch").collect()["path"].to_list() == ["a", "theirs"]


def test_plan_when_the_answer_of_the_commit_is_lost_finds_its_plan(
    store: Store,
) -> None:
    commit = commits.commit_batch

    def losing(*args: object, **kwargs: object) -> None:
        commit(*args, **kwargs)  # type: ignore[arg-type]
        raise UnavailableError("the answer got lost")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(UnavailableError):
        patch.setattr(planning, "commit_batch", losing)
        plan_one(store, 1, landed(("a", 1, 1)))

    assert plan_one(store, 1, None) == ["a"]


def test_plan_when_the_ledger_lacks_batches_refuses(store: Store) -> None:
    with pytest.raises(TableError, match="taken in again") as caught:
        plan_one(store, 2, landed(("a", 1, 1)))
    assert caught.value.where == f"{ledger_uri(store.at('t'))}, pipeline 'p'"


def test_plan_for_a_new_data_table_gives_the_same_batches_again(store: Store) -> None:
    plan_one(store, 1, landed(("a", 1, 1)))
    plan_one(store, 2, landed(("a", 1, 1), ("b", 1, 1)))

    assert [plan_one(store, batch, None) for batch in (1, 2)] == [["a"], ["b"]]


def test_plan_of_a_missing_landing_zone_raises(store: Store) -> None:
    with pytest.raises(NotFoundError):
        plan(store.at("t"), "p", 1, landed=lambda: list_landing(store.at("no")), max_files=1, max_bytes=1)


def test_plan_of_an_emptied_prefix_gives_nothing_once_files_were_taken(s3: Store) -> None:
    s3.put("landing/a")
    for batch, expected in ((1, 1), (2, None)):
        found = plan(
            s3.at("t"), "p", batch, landed=lambda: list_landing(s3.at("landing")), max_files=1, max_bytes=1
        )
        assert (found if found is None else found.height) == expected
        if batch == 1:
            s3.remove("landing/a")

    with pytest.raises(NothingLandedError):
        list_landing(s3.at("landing"))


def test_plan_of_listed_files_keeps_their_names(store: Store) -> None:
    names = ["a b", "ü%20", "#?&", "new\nline", "{}"]
    paths = [store.put(f"landing/{name}.json", b"1") for name in names]

    found = plan_one(store, 1, list_landing(store.at("landing")))

    assert found is not None
    assert sorted(found) == sorted(paths)
    assert plan_one(store, 1, None) == found


def test_waiting_files_gives_what_comes_next_and_plans_nothing(store: Store) -> None:
    plan_one(store, 1, landed(("a", 1, 1)))

    for _ in range(2):
        found = waiting_files(store.at("t"), "p", lambda: landed(("a", 1, 1), ("c", 2, 2), ("b", 2, 3)))
        assert found["path"].to_list() == ["c", "b"]


def test_planned_files_without_a_ledger_gives_no_rows(store: Store) -> None:
    found = planned_files(store.at("t"), "p").collect()

    assert found.schema == LEDGER_SCHEMA.to_frame().drop("pipeline").schema
    assert found.is_empty()
    assert open_table(ledger_uri(store.at("t"))) is None


def test_plan_with_nothing_waiting_imports_nothing_that_writes(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    code = (
        "import sys\n"
        "from storage.landing.listing import list_landing\n"
        "from storage.tables.ledger.planning import plan\n"
        f"landed = lambda: list_landing({str(tmp_path / 'landing')!r})\n"
        f"assert plan({str(tmp_path / 't')!r}, 'p', 1, landed=landed, max_files=1, max_bytes=1) is None\n"
        "assert not {'pyarrow', 's3fs', 'botocore', 'numba'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def plan_open(store: Store, batch: int, *files: tuple[int, str, int]) -> pl.DataFrame | None:
    """Plans a replay of files of batch, path and size."""
    rows = pl.DataFrame([(*one, 1) for one in files], schema=OPEN_FILES_SCHEMA, orient="row")
    return plan_replay(store.at("t"), "p", batch, open_files=lambda: rows, max_files=2, max_bytes=100)


def test_plan_replay_names_the_batch_of_each_file_and_leaves_landed_ones_known(store: Store) -> None:
    files = landed(("a", 5, 1), ("b", 5, 2))
    assert plan_one(store, 1, files) == ["a", "b"]

    found = plan_open(store, 2, (1, "a", 3), (1, "b", 4))

    assert found is not None
    assert found.schema == LEDGER_SCHEMA.to_frame().drop("pipeline", "batch").schema
    assert found.select("file", "path", "size", "replays").rows() == [(0, "a", 3, 1), (1, "b", 4, 1)]
    assert found["modified"].to_list() == files["modified"].to_list()
    assert set(found["identity"]) & set(files["identity"]) == set()
    assert waiting_files(store.at("t"), "p", lambda: files).is_empty()


def test_plan_replay_again_gives_the_same_and_so_does_plan(store: Store) -> None:
    plan_one(store, 1, landed(("a", 5, 1)))
    first = plan_open(store, 2, (1, "a", 3))

    again, by_run = plan_open(store, 2), plan_one(store, 2, None)

    assert first is not None
    assert again is not None
    assert first.equals(again)
    assert by_run == ["a"]


def test_plan_replay_takes_as_much_as_a_batch_may_hold(store: Store) -> None:
    plan_one(store, 1, landed(*((name, 5, 1) for name in "abcd")))

    for batch, (files, expected) in enumerate(
        [
            ([(1, "a", 1), (1, "b", 1), (1, "c", 1)], ["a", "b"]),
            ([(1, "a", 60), (1, "b", 60)], ["a"]),
            ([(1, "a", 600), (1, "b", 1)], ["a"]),
        ],
        2,
    ):
        found = plan_open(store, batch, *files)
        assert found is not None
        assert found["path"].to_list() == expected


def test_plan_replay_of_nothing_plans_nothing(store: Store) -> None:
    plan_one(store, 1, landed(("a", 5, 1)))

    assert plan_open(store, 2) is None
    assert plan_one(store, 2, landed(("b", 5, 2))) == ["b"]


def test_plan_replay_of_the_same_file_in_two_batches_keeps_identities_apart(store: Store) -> None:
    plan_one(store, 1, landed(("a", 5, 1)))
    for batch in (2, 3):
        plan_open(store, batch, (1, "a", 3))

    assert planned_files(store.at("t"), "p").collect()["identity"].n_unique() == 3


def test_plan_undo_has_the_files_of_the_batch_and_lets_them_be_planned_again(store: Store) -> None:
    files = landed(("a", 5, 1), ("b", 5, 2), ("c", 5, 3))
    assert plan_one(store, 1, files, max_files=2) == ["a", "b"]
    assert plan_one(store, 2, files) == ["c"]

    found = plan_undo(store.at("t"), "p", 3, undoes=1)

    assert found.schema == LEDGER_SCHEMA.to_frame().drop("pipeline", "batch").schema
    assert found.select("file", "path", "undoes").rows() == [(0, "a", 1), (1, "b", 1)]
    assert plan_undo(store.at("t"), "p", 3, undoes=1).equals(found)
    assert plan_one(store, 3, None) == ["a", "b"]
    assert waiting_files(store.at("t"), "p", lambda: files)["path"].to_list() == ["a", "b"]
    assert plan_one(store, 4, files, max_files=1) == ["a"]
    assert plan_one(store, 5, files) == ["b"]
    assert plan_one(store, 6, files) is None


def test_plan_undo_where_another_batch_is_planned_gives_that_one(store: Store) -> None:
    assert plan_one(store, 1, landed(("a", 5, 1))) == ["a"]
    assert plan_one(store, 2, landed(("b", 5, 1))) == ["b"]

    found = plan_undo(store.at("t"), "p", 2, undoes=1)

    assert found.select("path", "undoes").rows() == [("b", None)]


def test_unplan_takes_the_newest_plan_back_and_is_safe_to_repeat(store: Store) -> None:
    files = landed(("a", 5, 1), ("b", 5, 2))
    assert plan_one(store, 1, files, max_files=1) == ["a"]
    plan_undo(store.at("t"), "p", 2, undoes=1)

    for _ in range(2):
        unplan(store.at("t"), "p", 2)

    assert planned_files(store.at("t"), "p").collect()["batch"].to_list() == [1]
    assert plan_one(store, 2, files) == ["b"]
    unplan(store.at("t"), "p", 1)
    assert planned_files(store.at("t"), "p").collect().height == 2

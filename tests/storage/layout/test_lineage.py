"""What compactions made of which files, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable

from storage.tables.log.commits import LoggedCommit, parse_commit
from storage.tables.undoing.lineage import Lineage


def commit(
    version: int, *, adds: Iterable[str] = (), removes: Iterable[str] = (), changes: bool = False
) -> LoggedCommit:
    """Files are named `partition/name`; without a partition the log does not tell theirs."""

    def file(path: str) -> dict[str, object]:
        partition, slash, _ = path.partition("/")
        values = {"partitionValues": {"p": partition}} if slash else {}
        return {"path": path, "dataChange": changes, **values}

    lines = [{"add": {**file(path), "stats": '{"numRecords": 1}'}} for path in adds]
    data = "\n".join(map(json.dumps, [*lines, *({"remove": file(path)} for path in removes)]))
    return parse_commit(data.encode(), version, where="here")


def lineage(*commits: LoggedCommit) -> Lineage:
    """Of these commits."""
    found = Lineage()
    for one in commits:
        found.apply(one)
    return found


def test_taken_apart_of_what_was_compacted_gives_the_files_of_before() -> None:
    found = lineage(
        commit(1, adds=["x/ab"], removes=["x/a", "x/b"]), commit(2, adds=["x/abc"], removes=["x/ab", "x/c"])
    )

    assert found.taken_apart({"x/abc", "x/d"}) == {"x/a", "x/b", "x/c", "x/d"}
    assert found.holding({"x/a"}) == {"x/a", "x/ab", "x/abc"}
    assert found.taken_apart({"x/abc"}, within=found.holding({"x/c"})) == {"x/ab", "x/c"}


def test_taken_apart_needs_all_that_a_compaction_made() -> None:
    found = lineage(
        commit(1, adds=["x/1", "x/2"], removes=["x/a", "x/b"]),
        commit(2, adds=["x/3"], removes=["x/2", "x/c"]),
    )

    assert found.taken_apart({"x/1"}) == {"x/1"}
    assert found.taken_apart({"x/1", "x/2"}) == {"x/a", "x/b"}
    assert found.taken_apart({"x/1", "x/3"}) == {"x/a", "x/b", "x/c"}
    assert found.holding({"x/a"}) == {"x/a", "x/1", "x/2", "x/3"}


def test_taken_apart_keeps_partitions_of_one_commit_apart() -> None:
    found = lineage(commit(1, adds=["x/1", "y/1"], removes=["x/a", "x/b", "y/a", "y/b"]))

    assert found.taken_apart({"x/1"}) == {"x/a", "x/b"}
    assert found.holding({"y/a"}) == {"y/a", "y/1"}


def test_taken_apart_where_the_log_tells_no_partitions_takes_the_commit_as_one() -> None:
    found = lineage(commit(1, adds=["x/1", "2"], removes=["x/a", "b"]))

    assert found.holding({"b"}) == {"b", "x/1", "2"}
    assert found.taken_apart({"x/1"}) == {"x/1"}
    assert found.taken_apart({"x/1", "2"}) == {"x/a", "b"}


def test_taken_apart_of_what_a_change_of_rows_made_is_that_itself() -> None:
    found = lineage(commit(1, adds=["x/1"], removes=["x/a"], changes=True), commit(2, adds=["x/2"]))

    assert found.taken_apart({"x/1", "x/2"}) == {"x/1", "x/2"}
    assert found.holding({"x/a"}) == {"x/a"}

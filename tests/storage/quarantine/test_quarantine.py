"""Refused records come back verbatim, once, and only those of what the data table got."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from storage.errors import ConcurrentRunError, UnavailableError
from storage.filesystem import open_filesystem
from storage.layout.data_file import DataFile
from storage.tables.commits import commit_batch, take_over
from storage.tables.delta import last_batch, open_table
from storage.tables.quarantine import commit as quarantine
from storage.tables.quarantine.commit import QuarantineCommit, QuarantineWriter
from storage.tables.quarantine.records import REFUSED_SCHEMA, quarantine_counts, quarantine_uri, quarantined
from tests.conftest import Store

SCHEMA = pl.Schema({"x": pl.Int64()})
"""Of the data table."""


def refused(*raws: bytes, path: str = "a", reason: str = "malformed") -> pl.DataFrame:
    """One row for each of `raws`, numbered from 1."""
    return pl.DataFrame(
        {
            "path": path,
            "record": pl.int_range(1, len(raws) + 1, eager=True),
            "offset": None,
            "length": pl.Series([len(raw) for raw in raws]),
            "reason": reason,
            "column": None,
            "raw": pl.Series(list(raws), dtype=pl.Binary),
            "header": None,
        },
        schema_overrides=REFUSED_SCHEMA,
    )


def written(store: Store, batch: int, *frames: pl.DataFrame, pipeline: str = "p") -> list[DataFile]:
    with QuarantineWriter(store.at("t"), pipeline, batch) as writer:
        for frame in frames:
            writer.add(frame)
        return writer.finish()


def commit(store: Store, batch: int, *frames: pl.DataFrame, pipeline: str = "p") -> None:
    commit_files(store, batch, written(store, batch, *frames, pipeline=pipeline), pipeline)


def commit_files(store: Store, batch: int, files: list[DataFile], pipeline: str = "p") -> None:
    """As a batch does it."""
    uri, attempt = store.at("t"), " ".join(file.path for file in files)
    refused = QuarantineCommit(uri, pipeline, batch, files, attempt=attempt)
    try:
        if refused.replaces:
            take_over(uri, open_table(uri), app_id=pipeline, batch=batch, attempt=attempt, schema=SCHEMA)
    except ConcurrentRunError:
        refused.give_up()
        raise
    refused.commit()


def raws(store: Store, **options: Any) -> list[bytes]:
    return quarantined(store.at("t"), "p", **options)["raw"].to_list()


def files_in(store: Store) -> int:
    filesystem, path = open_filesystem(quarantine_uri(store.at("t")))
    return sum(name.endswith(".parquet") and "_delta_log" not in name for name in filesystem.find(path))


def commit_data(store: Store, batch: int) -> None:
    uri = store.at("t")
    commit_batch(uri, open_table(uri), app_id="p", batch=batch, files=[], schema=SCHEMA)


def test_quarantined_records_are_verbatim_and_in_order(store: Store) -> None:
    bad = [b'{"a": \xff\xfe}', b"", b"\x00\r", "ü".encode(), b"x" * 100_000]
    first, second = refused(*bad, path="b"), refused(b"5", path="a", reason="not_an_object")

    commit(store, 1, first, second)

    found = quarantined(store.at("t"), "p")
    assert found.schema == pl.Schema({"batch": pl.Int64(), **REFUSED_SCHEMA})
    assert found.drop("batch").equals(pl.concat([second, first]))
    assert found["batch"].unique().to_list() == [1]


def test_quarantined_by_batch_and_limit_gives_those_rows(store: Store) -> None:
    commit(store, 1, refused(b"1", b"2"))
    commit(store, 2, refused(b"3", b"4"))
    commit(store, 2, refused(b"q"), pipeline="q")

    assert raws(store) == [b"1", b"2", b"3", b"4"]
    assert raws(store, batch=2) == [b"3", b"4"]
    assert raws(store, limit=3) == [b"1", b"2", b"3"]
    assert raws(store, batch=3) == []


def test_quarantine_counts_groups_as_asked(store: Store) -> None:
    commit(store, 1, refused(b"1", b"2"), refused(b"3", path="b", reason="too_deep"))
    commit(store, 2, refused(b"4"))

    by_reason = quarantine_counts(store.at("t"), "p")
    by_file = quarantine_counts(store.at("t"), "p", by=("batch", "path"), batch=1)

    assert by_reason.to_dict(as_series=False) == {"reason": ["malformed", "too_deep"], "records": [3, 1]}
    assert by_file.to_dict(as_series=False) == {"batch": [1, 1], "path": ["a", "b"], "records": [2, 1]}


def test_quarantined_without_a_quarantine_gives_no_rows(store: Store) -> None:
    assert quarantined(store.at("t"), "p").is_empty()
    assert quarantine_counts(store.at("t"), "p").is_empty()


def test_commit_quarantine_without_records_notes_that_the_batch_has_none(store: Store) -> None:
    commit(store, 1)

    assert raws(store) == []
    assert last_batch(open_table(quarantine_uri(store.at("t"))), "p") == 1


def test_commit_quarantine_again_adds_nothing_and_leaves_no_files(store: Store) -> None:
    for _ in range(3):
        commit(store, 1, refused(b"1", b"2"))

    table = open_table(quarantine_uri(store.at("t")))
    assert raws(store) == [b"1", b"2"]
    assert table is not None
    assert table.version() == 2
    assert files_in(store) == 1


def test_commit_quarantine_again_with_the_same_files_keeps_them(store: Store) -> None:
    files = written(store, 1, refused(b"1"))

    for _ in range(2):
        commit_files(store, 1, files)

    assert raws(store) == [b"1"]


def test_commit_quarantine_when_its_answer_was_lost_adds_nothing(store: Store) -> None:
    def losing(*args: Any, **kwargs: Any) -> None:
        commit_batch(*args, **kwargs)
        raise UnavailableError("the answer got lost")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(UnavailableError):
        patch.setattr(quarantine, "commit_batch", losing)
        commit(store, 1, refused(b"1"))
    commit(store, 1, refused(b"1"))

    assert raws(store) == [b"1"]


@pytest.mark.parametrize("second", [(b"2", b"3"), ()])
def test_commit_quarantine_after_the_pipeline_was_changed_takes_back_the_first_attempt(
    store: Store, second: tuple[bytes, ...]
) -> None:
    commit(store, 1, refused(b"of batch 1"))
    commit_data(store, 1)
    commit(store, 2, refused(b"1", b"2"))

    commit(store, 2, *([refused(*second)] if second else []))

    table = open_table(quarantine_uri(store.at("t")))
    assert raws(store) == [b"of batch 1", *second]
    assert last_batch(table, "p") == 2


def test_commit_quarantine_for_a_new_data_table_begins_anew(store: Store) -> None:
    for batch in (1, 2, 3):
        commit(store, batch, refused(b"old %d" % batch))
    commit(store, 1, refused(b"q"), pipeline="q")

    for batch in (1, 2):
        commit(store, batch, refused(b"new %d" % batch))
        commit_data(store, batch)

    assert raws(store) == [b"new 1", b"new 2"]
    assert quarantined(store.at("t"), "q")["raw"].to_list() == [b"q"]


def test_commit_quarantine_of_a_batch_that_another_run_committed_refuses(store: Store) -> None:
    commit(store, 1, refused(b"theirs"))
    commit_data(store, 1)

    with pytest.raises(ConcurrentRunError):
        commit(store, 1, refused(b"ours"))

    assert raws(store) == [b"theirs"]
    assert files_in(store) == 1


def test_quarantine_writer_left_by_an_exception_leaves_no_files(store: Store) -> None:
    with pytest.raises(RuntimeError), QuarantineWriter(store.at("t"), "p", 1, buffer_bytes=1000) as writer:
        writer.add(refused(*[b"x" * 100] * 100))
        raise RuntimeError

    assert files_in(store) == 0

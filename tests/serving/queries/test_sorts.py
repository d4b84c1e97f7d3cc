"""Sorts of more than the memory of a statement: all rows, in their order, and nothing left on the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from serving.errors import LimitError
from serving.queries import query
from serving.queries.query import Engine, Planned, Statement
from tests.serving.queries.statements import engine_of
from tests.storage.skipping.skipping_tables import write_ours

_MEMORY_BYTES = 24 * 2**20
_ROWS = 300_000
_WITHIN_S = 60


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """70 MB: ids without an order, keys of which many are the same or null, long texts."""
    numbers = pl.int_range(_ROWS, eager=True)
    frame = pl.DataFrame({"id": (numbers * 7_919) % _ROWS, "part": numbers % 4})
    key = pl.when(pl.col("id") % 5 > 0).then(pl.col("id") * 31 % 1_009)
    text = pl.col("id").cast(pl.String).str.pad_start(190, "x")
    return frame.with_columns(key=key, text=text).with_columns(of=pl.struct("key", "id"))


@pytest.fixture(scope="module")
def uri(rows: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The table, in files of a few row groups."""
    return write_ours(
        str(tmp_path_factory.mktemp("lake") / "t"), rows, partition_by=["part"], row_group_rows=32_768
    )


@pytest.fixture
def engine(uri: str) -> Engine:
    """With a third of the memory that the rows take."""
    return engine_of(2, _MEMORY_BYTES, t=uri)


@pytest.fixture(params=[(1, _MEMORY_BYTES), (3, 5 * _MEMORY_BYTES)], ids=["one", "three"])
def each(uri: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """With one thread; and with three, which share their memory with all that stands between them."""
    monkeypatch.setattr(query, "_LEAST_SORT_BYTES", _MEMORY_BYTES)
    return engine_of(*request.param, t=uri)


@pytest.fixture
def spilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sorts spill to."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def _plan(engine: Engine, sql: str) -> Planned:
    return engine.plan(Statement(sql), lambda _name: True)


def _ask(engine: Engine, sql: str) -> pl.DataFrame:
    planned = _plan(engine, sql)
    found = pl.from_arrow(pa.Table.from_batches(planned.batches(), planned.schema))
    assert isinstance(found, pl.DataFrame)
    return found


def _files(folder: Path) -> list[str]:
    return [name for _, _, names in os.walk(folder) for name in names]


def _wait_until_empty(folder: Path) -> None:
    ends = time.monotonic() + _WITHIN_S
    while _files(folder):
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.parametrize("where", ["", "where id % 10 > 0 and id >= 5"])
def test_sort_of_more_than_the_memory_gives_all_rows_in_order(
    each: Engine, rows: pl.DataFrame, where: str
) -> None:
    found = _ask(each, f"select id, key, text, of from t {where} order by key desc nulls first, id")
    expected = rows.sql(f"select id, key, text, of from self {where}")
    expected = expected.sort("key", "id", descending=[True, False], nulls_last=False)

    assert_frame_equal(found, expected)


def test_windows_over_more_than_the_memory_are_those_of_polars(each: Engine, rows: pl.DataFrame) -> None:
    found = _ask(
        each,
        "select id, text, lag(id) over (partition by part order by id) as last from t",
    )
    expected = rows.sort("id").select(
        "id",
        "text",
        last=pl.col("id").shift().over("part"),
    )

    assert_frame_equal(found.sort("id"), expected)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t union all select * from t where id < 1000 order by id",
        "select * from (select * from t order by key) order by id",
        "select a.* from (select id from t where id < 9999) b join t a on a.id = b.id order by a.id",
        "select id, text from t order by id offset 5",
    ],
)
def test_sort_above_several_scans_gives_all_rows_in_order(engine: Engine, sql: str) -> None:
    count = _ask(engine, f"select count(*) as n from ({sql})").item()
    ids = _ask(engine, sql)["id"]

    assert len(ids) == count > 0
    assert ids.is_sorted()


def test_first_rows_of_a_sort_are_kept_without_the_others(engine: Engine, spilled: Path) -> None:
    planned = _plan(engine, "select id, text from t order by id desc limit 10")

    assert "TopK(fetch=10)" in planned._frame.execution_plan().display_indent()
    with closing(planned.batches()) as batches:
        ids = [one for batch in batches for one in batch["id"].to_pylist()]
    assert ids == list(range(_ROWS - 1, _ROWS - 11, -1))
    assert not _files(spilled)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from t order by text",
        "select * from t where id > 7 order by text",
        "select *, count(*) over (partition by key) from t",
        "select array_agg(id order by text) from t",
    ],
)
def test_no_sort_takes_a_fence_for_its_limit(engine: Engine, sql: str) -> None:
    assert "TopK" not in _plan(engine, sql)._frame.execution_plan().display_indent()


def test_spilled_rows_are_gone_after_the_statement(engine: Engine, spilled: Path) -> None:
    with closing(_plan(engine, "select * from t order by text").batches()) as batches:
        next(batches)
        assert _files(spilled)
        assert sum(batch.num_rows for batch in batches) > 0
    _wait_until_empty(spilled)


def test_spilled_rows_are_gone_after_a_statement_that_was_left(engine: Engine, spilled: Path) -> None:
    with closing(_plan(engine, "select * from t order by text").batches()) as batches:
        next(batches)
        assert _files(spilled)
    _wait_until_empty(spilled)


def test_spilled_rows_are_gone_after_a_statement_that_was_cancelled_while_it_sorts(
    engine: Engine, spilled: Path
) -> None:
    def check() -> None:
        if _files(spilled):
            raise LimitError("the time is over")

    with pytest.raises(LimitError, match="over"):
        _drain(_plan(engine, "select * from t order by text").batches(check))
    _wait_until_empty(spilled)


def _drain(batches: Iterator[Any]) -> None:
    for _ in batches:
        pass

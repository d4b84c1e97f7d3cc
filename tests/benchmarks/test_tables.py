"""The tables that reading is measured on, and what is measured, at a size of a few thousand rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from benchmarks.tables.build import build_naive, build_well, once
from benchmarks.tables.engines import Query, expression_of, penstock, penstock_batches, polars, pyarrow
from benchmarks.tables.large_turn import STEPS
from benchmarks.tables.many_files import QUERY
from benchmarks.tables.many_files import make as make_many_files
from benchmarks.tables.many_landed import make as make_many_landed
from benchmarks.tables.matches import matching_bytes
from benchmarks.tables.page import keep
from benchmarks.tables.rows import Rows
from benchmarks.tables.upsert_rows import make as make_upsert
from benchmarks.tables.upsert_turn import CONTESTANTS
from benchmarks.tables.views import active_files, build_view

ROWS = Rows(4_000, days=4, days_per_batch=2)
COLUMNS = sorted(("user_id", "ts", "type", "value", "payload", "day"))
SPAN: Query = {"begin": "2026-01-01T22:00:00+00:00", "end": "2026-01-02T02:00:00+00:00"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables") / "by_user"
    once(folder, lambda path: build_well(path, ROWS, ("user_id", "ts")))
    return folder


def read(folder: Path) -> pl.DataFrame:
    return pl.scan_delta(str(folder)).collect().sort("ts", "user_id", "payload")


def test_rows_are_the_same_each_time_and_of_the_days_of_their_batch() -> None:
    first, again = (pl.concat(ROWS.batch(1)) for _ in range(2))

    assert first.equals(again)
    assert first.height == 2_000
    assert set(first["day"].cast(pl.String)) == {"2026-01-03", "2026-01-04"}
    assert (first["day"] == first["ts"].dt.date()).all()
    assert replace(ROWS, used_days=2).batches == 1


def test_tables_hold_the_same_rows_well_laid_out_or_not(table: Path, tmp_path: Path) -> None:
    build_naive(tmp_path / "naive", ROWS)

    assert read(table).select(COLUMNS).equals(read(tmp_path / "naive").select(COLUMNS))


def test_view_has_the_asked_partition_among_more_others(table: Path, tmp_path: Path) -> None:
    build_view(table, tmp_path / "view", days=10)

    asked = pl.col("day") == pl.date(2026, 1, 2)
    assert len({one.partition_values["day"] for one in active_files(tmp_path / "view")}) == 10
    assert read(tmp_path / "view").filter(asked).equals(read(table).filter(asked))


def test_engines_find_the_same_rows(table: Path) -> None:
    user = read(table).filter(pl.col("day") == pl.date(2026, 1, 2))["user_id"][0]
    for query in ({"day": "2026-01-02", "user_id": user}, SPAN):
        expected = read(table).filter(expression_of(query))

        answers = [ask(str(table), query)() for ask in (penstock, penstock_batches, polars, pyarrow)]

        assert [rows for rows, _ in answers] == [expected.height] * 4
        assert [total for _, total in answers] == pytest.approx([expected["value"].sum()] * 4)


def test_matching_bytes_are_those_of_row_groups_with_matches(table: Path) -> None:
    files = active_files(table)
    two_days = [one for one in files if one.partition_values["day"] in ("2026-01-01", "2026-01-02")]

    found = matching_bytes(table, files, SPAN)

    assert 0.5 * sum(one.size for one in two_days) < found < sum(one.size for one in two_days)
    assert matching_bytes(table, files, {"day": "2026-01-01", "user_id": -1}) == 0


def test_upserts_leave_the_same_rows(tmp_path: Path) -> None:
    left = []
    for name, turn in CONTESTANTS.items():
        make_upsert(tmp_path / name, 2_000, batches=2)
        turn(tmp_path / name)
        left.append(pl.scan_delta(str(tmp_path / name / "table")).collect().sort("id"))

    assert left[0].height == 2_000
    assert left[0].equals(left[1].select(left[0].columns))
    assert left[0].filter(pl.col("updated") > pl.datetime(2026, 1, 20, time_zone="UTC")).height == 20


def test_table_of_many_files_holds_one_that_can_be_read(tmp_path: Path) -> None:
    make_many_files(tmp_path / "table", 400, commits=3)

    assert len(active_files(tmp_path / "table")) == 400
    assert penstock(str(tmp_path / "table"), QUERY)()[0] == 1_000
    for name in ("open", "choose", "commit"):
        STEPS[name](tmp_path / "table")()


@pytest.mark.parametrize("commits", [1, 4])
def test_pipeline_with_many_files_taken_in_plans_those_that_wait(tmp_path: Path, commits: int) -> None:
    make_many_landed(tmp_path / "made", 2_000, commits, waiting=3)

    weighed = STEPS["weigh"](tmp_path / "made")()
    planned = STEPS["plan"](tmp_path / "made")()

    assert isinstance(weighed, pl.DataFrame)
    assert weighed.height == 3
    assert planned is not None


def test_keep_writes_a_page_of_all_that_was_measured(tmp_path: Path) -> None:
    machine = {"date": "2026-01-01", "cores": 2, "processor": "some", "python": "3.11.7"}
    used = {"wall_s": 1.0, "cpu_s": 2.0, "peak_memory_bytes": 2**20, "steps": {"merge": 0.5}}
    upsert = {
        "machine": machine,
        "rows": 2_000,
        "changed": 20,
        "contestants": {"penstock": used},
        "ratios": {},
    }
    step = {"seconds": 0.25, "peak_memory_bytes": 2**21}
    part = {"title": "A table", "measured": {"open": step, "read": {"error": "no such thing"}}}
    sent = {"data": 2**20, "log": 2**19, "files": 1, "requests": 4, "s3_s": 0.5, "local_s": "too slow"}
    case = {"question": "one user", "table": "t", "matching_bytes": 2**19, "engines": {"penstock": sent}}
    size = {"partitions": 4, "files": 8, "bytes": 2**22, "seconds": 3.0, "compacted": True}
    skipping = {"machine": machine, "rows": 4_000, "tables": {"t": size}, "cases": [case]}

    for name, result in (
        ("upsert", upsert),
        ("large-tables", {"machine": machine, "parts": [part]}),
        ("skipping", skipping),
    ):
        keep(name, result, tmp_path)

    page = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "upsert.json").read_text(encoding="utf-8")) == upsert
    assert_in_order(
        page,
        [
            "| t | 4 | 8 | 4 MiB | 3 s | yes |",
            "| penstock | 1.00 MiB | 25.00 % | 2.00 | 1 | 0.50 MiB | 4 | 0.500 s | cannot: too slow |",
            "| penstock | 1.00 s | 2.00 s | 1 MiB |",
            "| open | 0.250 s | 2 MiB |",
            "| read | cannot: no such thing | |",
        ],
    )


def assert_in_order(text: str, lines: Sequence[str]) -> None:
    places = [text.index(line) for line in lines]
    assert places == sorted(places)

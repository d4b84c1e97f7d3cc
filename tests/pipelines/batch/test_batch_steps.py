"""Transform steps in a batch: in order, lazily, counted, and clear about what cannot work."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import Settings
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    counts_of,
    events,
    ids,
    land,
    proof_of,
    run_and_prove,
    table,
)
from transforms.errors import StepError


@pytest.mark.parametrize(
    ("sql", "rows"), [("select * from self limit 10", 10), ("select * from self where false", 0)]
)
@pytest.mark.parametrize("key", [[], ["id"]], ids=["no key", "key"])
def test_run_step_that_needs_no_more_rows_still_accounts_for_every_record(
    local: Store, sql: str, rows: int, key: list[str]
) -> None:
    for number in range(4):
        land(local, f"{number}.ndjson", *events(0, 20_000), b"bad")
    pipeline = a_pipeline(local, table={"key": key}, transforms=[{"sql": sql}])

    (batch,) = run_and_prove(pipeline, Settings(threads=2, memory_bytes=2**22)).batches

    assert (batch.records_read, batch.rows_written, batch.rows_quarantined) == (80_004, rows, 4)
    assert batch.rows_duplicate == (60_000 if key else 0)
    assert counts_of(pipeline)["steps"] == {"accepted": 20_000 if key else 80_000, "1 sql": rows}


def test_run_steps_in_their_order_and_counts_rows_behind_each(local: Store) -> None:
    land(local, "a.ndjson", *events(0, 10), b'{"id": 10, "kind": "view"}')
    steps = "tests.pipelines.steps"
    pipeline = a_pipeline(
        local,
        transforms=[
            {"use": f"{steps}:keep_kinds", "with": {"kinds": ["click"]}},
            {"sql": "select id, kind, id * 2 as twice from self where id >= 4"},
            {"use": f"{steps}:add", "with": {"name": "one"}},
            {"sql": "select *, twice + one as odd from self"},
        ],
    )

    run_and_prove(pipeline)

    assert table(pipeline).columns == ["id", "kind", "twice", "one", "odd"]
    assert table(pipeline)["odd"].to_list() == [9, 11, 13, 15, 17, 19]
    assert counts_of(pipeline)["steps"] == {
        "accepted": 11, f"1 {steps}:keep_kinds": 10, "2 sql": 6, f"3 {steps}:add": 6, "4 sql": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select kind, count(*) as n from self group by kind", 1),
        ("select * from self order by id desc limit 3", 3),
        ("select a.id, b.kind from self a join self b on a.id = b.id", 20_000),
        ("select id from self union all select id from self", 40_000),
        ("select * from self where false", 0),
    ],
)
def test_run_step_over_the_whole_batch_is_proved_all_the_same(local: Store, sql: str, rows: int) -> None:
    land(local, "a.ndjson", *events(0, 10_000))
    land(local, "b.ndjson", *events(10_000, 20_000))

    (batch,) = run_and_prove(a_pipeline(local, transforms=[{"sql": sql}])).batches

    assert (batch.records_read, batch.rows_written) == (20_000, rows)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"sql": "selec * from self"}, "transform 1 sql"),
        ({"sql": "select nobody from self"}, "transform 1 sql .*(.|\n)*nobody(.|\n)*self\\(id, kind"),
        ({"sql": "select * from others"}, "transform 1 sql"),
        ({"use": "tests.pipelines.steps:nobody"}, "tests.pipelines.steps:nobody"),
        ({"use": "no_such_module:nobody"}, "no_such_module"),
        ({"use": "tests.pipelines.steps:NOT_A_FUNCTION"}, "NOT_A_FUNCTION"),
        ({"use": "tests.pipelines.steps:add"}, "name"),
        ({"use": "tests.pipelines.steps:add", "with": {"name": "x", "oops": 1}}, "oops"),
        ({"use": "tests.pipelines.steps:fail"}, "no luck with LazyFrame"),
        ({"use": "tests.pipelines.steps:collect"}, "LazyFrame"),
        ({"use": "tests.pipelines.steps:leave"}, "SystemExit"),
        ({"use": "tests.pipelines.steps:divide_rows_by_zero"}, "ZeroDivisionError"),
        ({"use": "tests.pipelines.steps:leave_on_rows"}, "SystemExit"),
        ({"use": "tests.pipelines.steps:fail_on_rows"}, "click"),
    ],
)
def test_run_step_that_cannot_work_says_which_and_why(local: Store, step: dict[str, Any], said: str) -> None:
    land(local, "a.ndjson", *events(0, 3))
    pipeline = a_pipeline(local, transforms=[step])

    with pytest.raises(StepError, match=said):
        run(pipeline, SETTINGS)

    assert proof_of(pipeline).ok
    run_and_prove(a_pipeline(local))
    assert ids(a_pipeline(local)) == [0, 1, 2]

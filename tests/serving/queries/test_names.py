"""Time travel and question marks, before the engine sees them."""

from __future__ import annotations

import pytest

from serving.queries.names import in_engine_names

AT_3 = '"events@3" AS "events"'


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("select * from events for version as of 3", f"select * from {AT_3}"),
        ("select * from Events FOR VERSION AS OF 3 WHERE id=1", f"select * from {AT_3} WHERE id=1"),
        ("select * from events for version as of 3;", f"select * from {AT_3};"),
        ("select 1 from penstock.public.events for version as of 3", f"select 1 from penstock.public.{AT_3}"),
        ('from "Ev""x" for version as of 3 as e', 'from "Ev""x@3" as e'),
        ("from events for version as of 3 e join x", 'from "events@3" e join x'),
        ('from events for version as of 3 "e"', 'from "events@3" "e"'),
        ("from events for version as of 3, events for version as of 4 b", f'from {AT_3}, "events@4" b'),
        ("from events for version as of 3 left join x on", f"from {AT_3} left join x on"),
        ("(select * from events\n for  version\tas of 3)", f"(select * from {AT_3})"),
        ("from events for timestamp as of '2026-01-05'", 'from "events@2026-01-05" AS "events"'),
        (
            "from events for system_time as of '2026-01-05 10:00'",
            'from "events@2026-01-05 10:00" AS "events"',
        ),
        ("from events for timestamp as of '\"'", 'from "events@""" AS "events"'),
        ("select 'events for version as of 3'", "select 'events for version as of 3'"),
        ("select 'it''s ?' -- ? events for version as of 3\n, ?", None),
        ("select /* ? /* ? */ events for version as of 3 */ ?", None),
        ('select "a?b", ?, "c""?"', 'select "a?b", $1, "c""?"'),
        ("select $$?$$, $x$ ? $$ ? $x$, ?", "select $$?$$, $x$ ? $$ ? $x$, $1"),
        ("select a ?| b, a ?& c, a @? d, a ?? e, ?", "select a ?| b, a ?& c, a @? d, a ? e, $1"),
        ("select $1, $1, $2", "select $1, $1, $2"),
        ("select ?, ? where x = ?", "select $1, $2 where x = $3"),
        ("select 1 /* never closed ?", "select 1 /* never closed ?"),
    ],
)
def test_statement_becomes_one_that_the_engine_can_carry(written: str, made: str | None) -> None:
    expected = f"{written[:-1]}$1" if made is None else made

    assert in_engine_names(written) == expected

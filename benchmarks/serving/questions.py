"""The statements that are measured, over the table `events` of `benchmarks/pipeline_file.py`."""

from __future__ import annotations

from typing import Final

EVENTS: Final = "select * from events"
NUMBERS: Final = "select actor['id'] as actor_id, repo['id'] as repo_id, created_at, event_date from events"
SCANS: Final = {"all columns": EVENTS, "two numbers, a time, a day": NUMBERS}
FIRST_DAY: Final = " where event_date = date '2026-01-01'"
USERS: Final = 200_000
DAYS: Final = tuple(f"2026-01-0{number}" for number in range(1, 8))
QUESTIONS: Final = {
    "point": (
        "select id, type, repo['name'] as repo, created_at from events "
        "where event_date = date '{day}' and actor['id'] = {user}"
    ),
    "aggregate": (
        "select type, count(*) as events, max(created_at) as last from events "
        "where event_date = date '{day}' and actor['id'] between {user} and {user} + 999 group by type"
    ),
}
"""The rows of one user on one day, by the column that its files are sorted by; and counts of 1,000 users."""

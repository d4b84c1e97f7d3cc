"""The statements that are measured, over the table `events` of `benchmarks/pipeline_file.py`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

EVENTS: Final = "select * from events"
NUMBERS: Final = "select actor['id'] as actor_id, repo['id'] as repo_id, created_at, event_date from events"
SCANS: Final = {"all columns": EVENTS, "two numbers, a time, a day": NUMBERS}
SERVICE_ROWS: Final = 200_000
"""As many of the day as the usual service is asked for: all would need gigabytes, at the same rate."""
USERS: Final = 200_000
DAYS: Final = tuple(f"2026-01-0{number}" for number in range(1, 8))
DAY_QUESTIONS: Final = {
    name: (f"{sql} where event_date = date '{DAYS[0]}'", f"{path}?event_date={DAYS[0]}&limit={SERVICE_ROWS}")
    for name, sql, path in (("all columns", EVENTS, "events"), ("numbers", NUMBERS, "numbers"))
}
"""The rows of one day: as SQL, and as the path of `json_service`."""
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


class Selective(NamedTuple):
    """A statement, and what asks the same of `penstock scan`."""

    columns: str
    where: str

    @property
    def sql(self) -> str:
        """The statement; fields of structs are written the engine's way."""
        return f"select {_in_sql(self.columns)} from events where {_in_sql(self.where)}"


def _in_sql(text: str) -> str:
    return re.sub(r"\b(actor|repo)\.(\w+)", r"\1['\2']", text)


SELECTIVE: Final = {
    "one user, one day": Selective(
        "id,type,created_at", f"event_date = date '{DAYS[0]}' and actor.id = 100000"
    ),
    "1,000 users, one day": Selective(
        "id,actor.id", f"event_date = date '{DAYS[0]}' and actor.id between 100000 and 100999"
    ),
    "an hour of a day": Selective(
        "id,repo.name",
        f"created_at >= timestamptz '{DAYS[0]} 06:00:00' and created_at < timestamptz '{DAYS[0]} 07:00:00' "
        f"and event_date = date '{DAYS[0]}'",
    ),
}

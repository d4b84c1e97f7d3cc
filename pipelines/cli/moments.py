"""Times on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

import click


class Moment(click.ParamType[datetime]):
    """A time in ISO 8601; in UTC where it has no offset."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that a text means."""
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time, such as 2026-01-05T12:00:00Z or 2026-01-05", param, ctx)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found

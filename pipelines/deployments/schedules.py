"""Schedules of pipeline files as those of Prefect."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zlib import crc32

from config.schedule import Schedule
from config.units import format_duration

SLUG: Final = "schedule"
_ANCHOR: Final = datetime(2020, 1, 1, tzinfo=UTC)


def prefect_schedule(schedule: Schedule, name: str) -> dict[str, Any]:
    """The schedule as the API takes it and gives it back.

    Runs of `every` begin at moments that `name` tells: those of many pipelines are spread over the interval
    and do not move when they are deployed again. Written out here: Prefect's own classes list all time zones
    of the machine for each schedule, which takes milliseconds.
    """
    if schedule.every is None:
        return {"cron": schedule.cron, "timezone": schedule.timezone, "day_or": True}
    seconds = schedule.every.total_seconds()
    anchor = _ANCHOR + timedelta(seconds=crc32(name.encode()) % int(seconds))
    return {"interval": seconds, "anchor_date": _moment(anchor), "timezone": "UTC"}


def same_form(schedule: dict[str, Any]) -> dict[str, Any]:
    """A schedule of the API in the one form in which two can be compared."""
    if "anchor_date" not in schedule:
        return schedule
    return {**schedule, "anchor_date": _moment(datetime.fromisoformat(schedule["anchor_date"]))}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def schedules_text(schedules: Collection[Schedule]) -> str | None:
    """The schedule in few words: `every 5m`, `30 6 * * * Europe/Berlin`, `2 schedules`; None for none."""
    if len(schedules) > 1:
        return f"{len(schedules)} schedules"
    return next(map(_text, schedules), None)


def _text(schedule: Schedule) -> str:
    if schedule.every is not None:
        return f"every {format_duration(schedule.every)}"
    return f"{schedule.cron} {schedule.timezone}"

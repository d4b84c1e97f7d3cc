"""How a table is best laid out, as far as a sample tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.column_types import Date, Timestamp
from config.findings import KeyPath
from transforms.inference.inferred import Inferred

MOST_DAYS: Final = 366
"""With more days than these in a sample, a folder for each day would make too many small files."""

# What the time of an event is mostly called; of several required timestamps the first of these is taken.
_EVENT_TIMES: Final = (
    "event_time",
    "occurred_at",
    "created_at",
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "at",
)


@dataclass(frozen=True)
class Layout:
    """The parts of a spec that lay out the table, and why they are as they are."""

    transforms: Mapping[str, object]
    table: Mapping[str, object]
    reasons: Mapping[KeyPath, str]


def propose_layout(found: Inferred) -> Layout:
    """Partitioned by the day of the event and sorted by its time, where every record has a timestamp."""
    required = [one for one in found.columns if one.required]
    times = [one.name for one in required if isinstance(one.type, Timestamp)]
    days = [one.name for one in required if isinstance(one.type, Date)]
    if times:
        return _layout_by_time(min(times, key=_preference), found)
    if days and found.days[days[0]] <= MOST_DAYS and len(found.columns) > 1:
        reason = f"a folder for each {days[0]}, so that readers skip whole days"
        return Layout({}, {"partition_by": [days[0]]}, {("table", "partition_by"): reason})
    reason = "no column had a date or a timestamp in every record; partition_by and sort_by may be set here"
    return Layout({}, {}, {("table",): reason})


def _layout_by_time(time: str, found: Inferred) -> Layout:
    sort = {"sort_by": [time]}
    reasons: dict[KeyPath, str] = {
        ("table", "sort_by"): "the order within each file, so that readers skip row groups; "
        "put a column first that queries ask for by value"
    }
    if found.days[time] > MOST_DAYS:
        reasons["table",] = (
            f"not partitioned: {found.days[time]} days of {time} in the sample make many small files"
        )
        return Layout({}, sort, reasons)
    day = _free_name("event_date", {one.name.casefold() for one in found.columns})
    reasons["transforms",] = "the day of the event, to partition by"
    reasons["table", "partition_by"] = "a folder for each day, so that readers skip whole days"
    sql = f'select *, cast("{time}" as date) as {day} from self'
    return Layout({"transforms": [{"sql": sql}]}, {"partition_by": [day], **sort}, reasons)


def _preference(time: str) -> int:
    return _EVENT_TIMES.index(time) if time in _EVENT_TIMES else len(_EVENT_TIMES)


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name

"""What tells a partition from others, whoever wrote down its values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")

Partition = tuple[tuple[str, str | None], ...]
"""The values of a partition by the names of the columns, sorted: what `partition_of` makes of them."""


def partition_of(values: Mapping[str, str | None]) -> Partition:
    """What tells a partition from others, from its values as a log has them; equal where these mean the same.

    The empty text is null, and a moment has several forms: `2026-01-01 00:00:00` and
    `2026-01-01T00:00:00.000000Z` are one, and delta-rs writes another than Penstock
    (https://github.com/delta-io/delta/blob/master/PROTOCOL.md#partition-value-serialization). Texts that only
    look like moments are taken for such: two partitions may seem to be one, never one two.
    """
    return tuple(sorted((name, _canonical(value)) for name, value in values.items()))


def _canonical(text: str | None) -> str | None:
    if not text:
        return None
    if not _MOMENT.fullmatch(text):
        return text
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return text
    return moment.isoformat(sep=" ", timespec="microseconds")

"""Objects that are no structs: their keys are data, or differ from one to the next."""

from __future__ import annotations

import re
from typing import Final

from config.names import is_column_name
from transforms.inference.observed import Observed

MOSTLY_THERE: Final = 0.5
"""An object is a struct where its fields are there more often than this, on average; else it is a map."""
MOST_FIELDS: Final = 500
"""A contract with more columns, or fields in a struct, is of no use to anybody."""

_DATA: Final = re.compile(
    r"[0-9]+"
    r"|[0-9]{4}-[0-9]{2}(-[0-9]{2}.*)?"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?=.*[0-9])[0-9a-f]{16,}",
    re.IGNORECASE,
)
"""Numbers, days and times, UUIDs, hashes."""


def why_map(seen: Observed) -> str | None:
    """Why the objects in a place are better kept as json; None where they are structs."""
    names = seen.fields
    if not names:
        return "always an empty object"
    data = [name for name in names if _DATA.fullmatch(name)]
    if 2 * len(data) > len(names):
        return f"a map: its keys are data, such as {data[0]!r}"
    unusable = [name for name in names if not is_column_name(name)]
    if 2 * len(unusable) > len(names) or len(unusable) == len(names):
        return f"a map: its keys are no names that columns can have, such as {unusable[0]!r}"
    there = sum(inner.values for inner in names.values())
    share = there / (seen.kinds["object"] * len(names))
    if share <= MOSTLY_THERE or len(names) > MOST_FIELDS:
        return f"objects of many shapes: {len(names):,} fields, each in {share:.0%} of the objects on average"
    return None

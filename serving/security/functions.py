"""Functions that statements cannot call: a short statement would take all memory, or tell of files."""

from __future__ import annotations

from typing import Any, Final

# Of a few digits these make gigabytes, which the engine does not count as memory of the statement. As tables,
# `range` and `generate_series` stay: they are made as they are read.
_LARGE: Final = (
    "array_repeat", "list_repeat", "array_resize", "list_resize", "generate_series", "gen_series", "range",
    "lpad", "rpad", "repeat",
)  # fmt: skip
_OF_FILES: Final = ("input_file_name", "file_row_index")


def take_out(session: Any) -> None:
    """Takes them out of a `datafusion.SessionContext`."""
    for name in _LARGE + _OF_FILES:
        session.deregister_udf(name)

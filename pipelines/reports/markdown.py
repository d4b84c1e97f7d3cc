"""Markdown that shows any text and does nothing with it, in both of the UIs that Prefect has.

Neither HTML entities (the first shows them as they are) nor backslashes (the second makes links of addresses
all the same) do. Within code, both show all signs as they are; only what ends the code must not be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from pipelines.reports.plain_text import printable

_ENDS_CODE: Final = str.maketrans({"`": "\\x60", "|": "\\x7c"})
_EMPTY: Final = "(empty)"
_RULES: Final = {"left": ":---", "right": "---:"}


def code(text: str, longest: int = 500) -> str:
    """Any text as code, on one line and in a cell of a table.

    What cannot be printed, a backtick and a bar show as escape sequences; what is beyond `longest` characters
    as an ellipsis.
    """
    return f"`{plain(text, longest).translate(_ENDS_CODE) or _EMPTY}`"


def plain(text: str, longest: int) -> str:
    """`text` on one line, cut off where it is too long."""
    return printable(text if len(text) <= longest else text[: longest - 1] + "…")


def table(
    header: Sequence[str], align: Sequence[Literal["left", "right"]], rows: Iterable[Sequence[str]]
) -> list[str]:
    """Lines of a table; its cells are Markdown already."""
    rules = [_RULES[one] for one in align]
    return [f"| {' | '.join(cells)} |" for cells in (header, rules, *rows)]

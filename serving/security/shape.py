"""How intricate a statement is: the engine plans by recursion, and too deep a plan would end the process.

What nests in parentheses the engine's parser bounds by itself; it bounds no chains, such as `a + a + a` or
`select 1 union all select 1`. Each operator makes a chain longer by one at most, and so does each comma of
FROM, which are not told from those of SELECT here. Those of IN lists and of arguments make none.
"""

from __future__ import annotations

import re
from typing import Final

from serving.errors import LimitError

MOST: Final = 1_000
"""Operators and commas. Chains of 2,000 were planned in seconds, and of 3,000 ended the process."""
_QUOTED: Final = re.compile(r"""'(?:[^']++|'')*+(?:'|\Z)|"(?:[^"]++|"")*+(?:"|\Z)""")
# Where quotes may not mean what they seem to, what is between them is counted too.
_TRICKY: Final = re.compile(r"--|/\*|\$\w*\$|[\\`]")
_PARTS: Final = re.compile(
    r"(?P<open>\()\s*+(?P<query>(?:select|with|values)\b)?|(?P<close>\))|(?P<comma>,)"
    r"|(?P<operator>[-+*/%|&^<>=~#:@!\[]+|\b(?:and|or|not|is|in|like|ilike|similar|between|regexp|rlike|escape|"
    r"union|except|intersect|join|when|select|from|with|collate|at|div|xor|over|filter)\b)",
    re.IGNORECASE,
)


def check_shape(sql: str) -> None:
    """Nothing, where a statement can be planned; takes time in proportion to its length.

    Raises:
        LimitError: It is too intricate.
    """
    if _parts(sql) > MOST:
        raise LimitError(
            "a statement too intricate",
            got=f"more than {MOST} operators, and commas outside of lists of values",
            expected=f"at most {MOST}",
            next_step="compare with IN (…) in place of many conditions, or ask several statements",
        )


def _parts(sql: str) -> int:
    if _TRICKY.search(sql):
        return sum(found["open"] is found["close"] for found in _PARTS.finditer(sql))
    parts, is_query = 0, [True]
    for found in _PARTS.finditer(_QUOTED.sub(" ", sql)):
        if found["open"]:
            is_query.append(found["query"] is not None)
        elif found["close"]:
            is_query = is_query[:-1] or [True]
        elif found["operator"] or is_query[-1]:
            parts += 1
    return parts

"""Statements as people write them, in names that the engine can carry.

`events FOR VERSION AS OF 3` becomes `"events@3"`, `events FOR TIMESTAMP AS OF '2026-01-05'` the same with the
moment, and the question marks of JDBC become `$1`, `$2`. What is quoted or in a comment stays.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Final

_TOKEN: Final = re.compile(
    # Possessive, so that it takes time in proportion to the length of whatever a client sends.
    r"""(?P<skipped>'(?:[^']++|'')*+(?:'|\Z)|--[^\n]*+|/\*.*?(?:\*/|\Z))"""
    r"""|(?P<name>"(?:[^"]++|"")*+"|(?<!\w)\w++)\s++FOR\s+(?:SYSTEM_)?(?P<kind>VERSION|TIMESTAMP|TIME)\s+AS\s+OF\s+"""
    r"""(?P<at>\d+\b|'[^']*')"""
    r"""|(?P<quoted>"(?:[^"]++|"")*+")|(?P<place>\?)""",
    re.DOTALL | re.IGNORECASE,
)


def in_engine_names(sql: str) -> str:
    """The statement with names and places that the engine knows."""
    number = count(1)

    def replaced(found: re.Match[str]) -> str:
        if found["name"]:
            name = found["name"].strip('"')
            return f'"{name}@{found["at"].strip(chr(39))}"'
        return f"${next(number)}" if found["place"] else found[0]

    return _TOKEN.sub(replaced, sql)

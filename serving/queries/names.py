"""Statements as people write them, in names that the engine can carry.

`events FOR VERSION AS OF 3` becomes `"events@3" AS "events"`, FOR TIMESTAMP AS OF '2026-01-05' the same
with the moment, and the question marks of JDBC become `$1`, `$2`. What is quoted or in a comment stays.
"""

from __future__ import annotations

import re
from itertools import count
from typing import Final

_AFTER_TABLES: Final = (
    "where|on|using|join|inner|left|right|full|cross|natural|semi|anti|lateral|group|having|window|qualify|order"
    "|sort|limit|offset|fetch|union|intersect|except|minus|for|tablesample|unnest|pivot|unpivot"
)
_TOKEN: Final = re.compile(
    rf"""(?P<skipped>'(?:[^']|'')*'|--[^\n]*|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    rf"""|(?P<comment>/\*)"""
    rf"""|(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>\b[^\W\d]\w*))\s+FOR\s+(?:SYSTEM_)?"""
    rf"""(?:VERSION|TIMESTAMP|TIME)\s+AS\s+OF\s+(?P<at>\d+\b|'[^']*')"""
    rf"""(?P<alias>\s+(?:AS\b|(?!(?:{_AFTER_TABLES})\b)[^\W\d]|"))?"""
    rf"""|(?P<name>"(?:[^"]|"")*")|(?P<operator>@\?|\?[|&])|(?P<mark>\?\??)""",
    re.DOTALL | re.IGNORECASE,
)


def in_engine_names(sql: str) -> str:
    """The statement with names and places that the engine knows; `??` is a question mark."""
    number, made, at = count(1), [], 0
    while found := _TOKEN.search(sql, at):
        made.append(sql[at : found.start()])
        at = _end_of_comment(sql, found.start()) if found["comment"] else found.end()
        if found["at"]:
            made.append(_pinned(found))
        elif found["mark"]:
            made.append(f"${next(number)}" if found["mark"] == "?" else "?")
        else:
            made.append(sql[found.start() : at])
    return "".join([*made, sql[at:]])


def _pinned(found: re.Match[str]) -> str:
    name = found["plain"].lower() if found["plain"] else found["quoted"]
    moment = found["at"].strip("'").replace('"', '""')
    return f'"{name}@{moment}"' + (found["alias"] or f' AS "{name}"')


def _end_of_comment(sql: str, start: int) -> int:
    """Of one that holds others, as SQL has it."""
    depth = 0
    for found in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    return len(sql)

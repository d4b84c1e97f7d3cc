"""Whether source and table keep out of each other's way."""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Final

from config.errors import InvalidValueError
from config.findings import Finding

_GLOB: Final = re.compile(r"[*?\[]")
# Files that every Delta table has, by name: the first commit and a data file.
_TABLE_FILES: Final = ("00000000000000000000.json", "part-00000.parquet")


def check_locations(source_uri: str, table_uri: str) -> list[Finding]:
    """A table that would be taken in as input, or a landing zone that cleaning up the table would delete."""
    folder, table = _absolute(_folder(source_uri)), _absolute(table_uri)
    if _GLOB.search(table_uri):
        return [_finding("a table URI with a wildcard", table_uri, "the folder of one table")]
    if folder == table or folder.startswith(table + "/"):
        return [_finding("a landing zone inside the table", table_uri, "a table beside the landing zone")]
    if table.startswith(folder + "/") and _reaches_below(source_uri):
        return [_finding("a table inside the landing zone", table_uri, "a table beside the landing zone")]
    return []


def check_chain(source_uri: str, table_uri: str) -> list[Finding]:
    """A pipeline that would follow what it writes itself, or tables in one another."""
    if _GLOB.search(source_uri):
        what = InvalidValueError(
            "a table URI with a wildcard", got=repr(source_uri), expected="the folder of one table"
        )
        return [(("source", "table"), what)]
    source, table = _absolute(source_uri), _absolute(table_uri)
    own = (table, f"{table}_ledger", f"{table}_quarantine")
    if source in own or source.startswith(f"{table}/") or table.startswith(f"{source}/"):
        return [_finding("a table that follows itself", table_uri, "a table beside that of the source")]
    return []


def _folder(uri: str) -> str:
    """`uri` up to its last folder without a wildcard."""
    wildcard = _GLOB.search(uri)
    return uri if wildcard is None else uri[: wildcard.start()].rpartition("/")[0] or "."


def _reaches_below(uri: str) -> bool:
    """Whether a source takes in the files of a table that lies somewhere below its folder."""
    if not _GLOB.search(uri):
        return True
    last = uri.rpartition("/")[2]
    return "**" in uri and any(fnmatch.fnmatchcase(name, last) for name in _TABLE_FILES)


def _absolute(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    if separator and scheme != "file":
        return f"{scheme}://{rest.rstrip('/')}"
    return os.path.abspath(rest if separator else uri)  # noqa: PTH100 (Path.resolve would follow links)


def _finding(what: str, got: str, expected: str) -> Finding:
    return ("table", "uri"), InvalidValueError(what, got=repr(got), expected=expected)

"""Which names a pipeline, a column and an expectation may have."""

from __future__ import annotations

import re
from typing import Final

from config.errors import InvalidValueError

RESCUED: Final = "_rescued"
"""The column of values that the contract has no place for: JSON text, null where there are none."""
FILE: Final = "_file"
"""The column `lineage: true` adds: the URI of the file that a row came from."""
RECORD: Final = "_record"
"""The column `lineage: true` adds: the line number in the file, from 1."""
CHANGE: Final = "_change"
"""The column `source.read: changes` adds: insert or delete."""
VERSION: Final = "_version"
"""The column `source.read: changes` adds: the version of the source table that made the change."""

UNSTORABLE_PARTITION_VALUES: Final = ("", "__HIVE_DEFAULT_PARTITION__")
"""Texts that come back from a Delta table as null: the first by the protocol, the second in some readers."""
LONGEST_PARTITION_VALUE: Final = 200
"""Bytes, percent-encoded: the name of a local folder ends at 255, with the column's name."""

RESERVED: Final = (RESCUED, FILE, RECORD)
_LONGEST: Final = 255

# It names tables' transactions, files and deployments, so it stays within what all of them take.
PIPELINE_NAME: Final = r"[A-Za-z_][A-Za-z0-9_-]*"
"""Which names pipelines and expectations may have, as a regular expression; at most 255 characters."""
_PIPELINE: Final = re.compile(PIPELINE_NAME)
# Without what Parquet readers refuse (space , ; { } ( ) = and line breaks), and without the dot, which
# separates the parts of a path. `@` and `$` start well-known fields such as `@timestamp` and `$schema`.
_COLUMN: Final = re.compile(r"(?:[^\W\d]|[@$])[\w@$-]*")


def is_column_name(name: str) -> bool:
    """Whether a contract can have a column, or a field of a struct, of this name."""
    return len(name) <= _LONGEST and _COLUMN.fullmatch(name) is not None


def check_pipeline_name(name: str) -> str:
    """`name`, where it can name a pipeline or an expectation.

    Raises:
        InvalidValueError: It has other characters than allowed, or is too long.
    """
    if len(name) <= _LONGEST and _PIPELINE.fullmatch(name):
        return name
    raise InvalidValueError(
        "not a usable name",
        got=repr(name),
        expected="letters, digits, _ and -, beginning with a letter or _",
    )


def check_column_name(name: object, *, top_level: bool) -> None:
    """Nothing, where `name` can name a column (`top_level`) or a field of a struct.

    Raises:
        InvalidValueError: It is no text, has characters that tables cannot have, or is reserved.
    """
    if not isinstance(name, str) or not is_column_name(name):
        raise InvalidValueError(
            "not a usable column name",
            got=repr(name),
            expected="letters, digits, _ - @ and $, beginning with a letter, _, @ or $",
            next_step=f"leave the field out of the contract: its values are then kept in {RESCUED}",
        )
    if top_level and name.lower() in RESERVED:
        raise InvalidValueError(
            "a reserved column name",
            got=repr(name),
            expected=f"any name but {', '.join(RESERVED)}, which Penstock fills itself",
        )

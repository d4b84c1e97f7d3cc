"""What lies in the folder of a table, whether its log knows it or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import polars as pl

from storage.filesystem import open_filesystem
from storage.upstream import translated

LISTING_SCHEMA: Final = pl.Schema({"path": pl.String(), "size": pl.Int64(), "modified_ms": pl.Int64()})
"""One row a file: `path` relative to the table, as the store has it; `size` in bytes; `modified_ms`, by the
clock of the store, milliseconds since 1970-01-01 UTC."""

LOG: Final = "_delta_log/"


def list_table(uri: str, below: str = "") -> pl.DataFrame:
    """All files below a folder of the table at `uri`, the log included; eager, in no order.

    One request for each 1,000 objects.

    Raises:
        StorageError: The store cannot be asked.
    """
    filesystem, root = open_filesystem(uri)
    start = len(root.rstrip("/")) + 1
    with translated("list the files of the table", uri):
        found: dict[str, dict[str, Any]] = filesystem.find(f"{root.rstrip('/')}/{below}", detail=True)
    rows = [
        (path[start:], int(one["size"]), _milliseconds(one))
        for path, one in found.items()
        if one["type"] == "file" and not path.endswith("/")
    ]
    return pl.DataFrame(rows, LISTING_SCHEMA, orient="row")


def _milliseconds(described: dict[str, Any]) -> int:
    changed = described.get("mtime", described.get("LastModified"))
    seconds = changed.timestamp() if isinstance(changed, datetime) else float(changed or 0)
    return int(seconds * 1000)

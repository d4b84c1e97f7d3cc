"""Whether files may be taken out of a Delta table, and others be put in their place."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import StaleReadError, TableError
from storage.tables.schema.appendable import check_appendable


def check_replaceable(
    table: DeltaTable, removes: Collection[str], rows_added: int, *, data_change: bool
) -> None:
    """Refuses a commit that the table forbids, or that would lose or double rows; by the log alone.

    Args:
        table: What the commit is made on.
        removes: Paths, as the log has them.
        rows_added: Of all new files.
        data_change: False: the rows before and after must be as many.

    Raises:
        TableError: Final. See above; a log without the number of rows of a file says nothing against it.
        StaleReadError: Files that are not in the table: it is another version than they were taken from.
    """
    check_appendable(table, table.metadata().partition_columns)
    if not removes:
        if rows_added and not data_change:
            raise _other_rows(table, 0, rows_added)
        return
    _check_removable(table, data_change=data_change)
    active = pl.DataFrame(pa.table(table.get_add_actions())).select("path", rows="num_records")
    found = active.filter(pl.col("path").is_in(list(removes)))
    if found.height < len(set(removes)):
        raise StaleReadError(
            "files that are to be taken out of the table are not in it",
            where=f"{table.table_uri}, version {table.version()}",
            # row objects allowed: one of the files
            got=min(set(removes) - set(found["path"])),
            expected="paths as the log of this version has them",
            next_step="nothing is lost; run again",
        )
    counted = found["rows"].null_count() == 0
    if not data_change and counted and found["rows"].sum() != rows_added:
        raise _other_rows(table, int(found["rows"].sum()), rows_added)


def _check_removable(table: DeltaTable, *, data_change: bool) -> None:
    properties, features = table.metadata().configuration, table.protocol().writer_features or ()
    hindrances = {
        "delta.appendOnly": data_change and properties.get("delta.appendOnly", "").lower() == "true",
        "deletion vectors": "deletionVectors" in features,
    }
    found = [name for name, there in hindrances.items() if there]
    if found:
        raise TableError(
            "files would have to be taken out of the table, and must not be",
            where=table.table_uri,
            got=f"a table with {', '.join(found)}",
            next_step="change the property with a tool that can, or write to a new table",
        )


def _other_rows(table: DeltaTable, before: int, after: int) -> TableError:
    return TableError(
        "a commit that says that it changes no rows would change them",
        where=f"{table.table_uri}, version {table.version()}",
        got=f"{after:,} rows in the new files",
        expected=f"{before:,} rows, as in the files that they replace",
        next_step="nothing is changed; tell the developers of Penstock",
    )

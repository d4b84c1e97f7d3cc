"""Whether rows of a Delta table may be replaced by exchanging its files."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import TableSchemaError
from storage.tables.merging.rule import MergeRule
from storage.tables.opened_file import is_outside
from storage.tables.schema.appendable import check_appendable


def check_mergeable(table: DeltaTable, rule: MergeRule) -> None:
    """Refuses a table with other partitions, or that asks for what Penstock does not do; by the log alone.

    Raises:
        TableSchemaError: Final.
    """
    check_appendable(table, rule.partition_by)
    configuration = table.metadata().configuration
    append_only = configuration.get("delta.appendOnly", "").lower() == "true"
    hindrances = {
        "delta.appendOnly": rule.mode != "insert_new" and append_only,
        "deletion vectors": "deletionVectors" in (table.protocol().writer_features or ()),
        "files outside of its folder": any(map(is_outside, _paths(table))),
    }
    if found := [name for name, there in hindrances.items() if there]:
        raise TableSchemaError(
            f"rows of this table cannot be replaced, as table.mode {rule.mode} does",
            where=table.table_uri,
            got=f"a table with {', '.join(found)}",
            expected="mode: append",
            next_step="use mode: append, or write to a new table",
        )


def _paths(table: DeltaTable) -> Iterable[str]:
    return pl.DataFrame(pa.table(table.get_add_actions().select(["path"])))["path"]

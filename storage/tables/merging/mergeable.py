"""Whether rows of a Delta table may be replaced by exchanging its files."""

from __future__ import annotations

from deltalake import DeltaTable

from storage.errors import TableSchemaError
from storage.tables.merging.rule import MergeRule
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
    }
    if found := [name for name, there in hindrances.items() if there]:
        raise TableSchemaError(
            f"rows of this table cannot be replaced, as table.mode {rule.mode} does",
            where=table.table_uri,
            got=f"a table with {', '.join(found)}",
            expected="mode: append",
            next_step="use mode: append, or write to a new table",
        )

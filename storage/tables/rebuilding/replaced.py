"""What gives way to a rebuild: all files of its application, where they hold nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from storage.errors import IrreversibleError
from storage.layout.partitions import partition_texts
from storage.tables.log.footers import read_footers
from storage.tables.rebuilding.owners import OTHERS, Owners, OwnersOf
from storage.tables.replacing.actions import ActiveFile
from storage.tables.replacing.replaceable import check_replaceable

_NEW_TABLE = "write to a new table: another table.uri, and the same landing zone"


@dataclass(frozen=True)
class Replaced:
    """What a rebuild takes out.

    Attributes:
        removes: The files of the application.
        rows: In them.
        others: How many files of others stay.
    """

    removes: tuple[ActiveFile, ...]
    rows: int
    others: int


def replaced_by(log: OwnersOf, table: DeltaTable, app_id: str, *, keeps_others: bool) -> Replaced:
    """What a rebuild of `app_id` takes out of `table` as it is now; reads the log, and changes nothing.

    Args:
        log: Of the same table; reads what it has not read yet.
        table: Opened at its newest version.
        app_id: Whose rows are made anew.
        keeps_others: Whether rows of others may stay beside: with `append`, where rows have nothing to do
            with one another.

    Raises:
        IrreversibleError: Final. Rows of others would be lost, or what others did to the rows of `app_id`.
        TableError: Final. The table forbids to take files out.
        StorageError: The log cannot be read.
    """
    owners = log.at(table.version())
    active = pl.DataFrame(pa.table(table.get_add_actions()))
    whose = [owners.of(path) for path in active["path"]]
    _check(table, app_id, owners, dict(zip(active["path"], whose, strict=True)), keeps_others=keeps_others)
    ours = active.filter(pl.Series([app_id in one for one in whose], dtype=pl.Boolean))
    check_replaceable(table, list(ours["path"]), 0, data_change=True)
    values = _values(ours, table.metadata().partition_columns)
    removes = [
        ActiveFile(path, size, one)
        for path, size, one in zip(ours["path"], ours["size_bytes"], values, strict=True)
    ]
    return Replaced(tuple(removes), _rows(table.table_uri, ours), active.height - ours.height)


def _check(
    table: DeltaTable,
    app_id: str,
    owners: Owners,
    whose: Mapping[str, frozenset[str]],
    *,
    keeps_others: bool,
) -> None:
    if (one := owners.meddled.get(app_id)) is not None:
        raise _refusal(
            table,
            f"{one.who if one.who == OTHERS else f'pipeline {one.who}'} has changed rows of this pipeline",
            got=f"version {one.version}, a {one.operation}: a rebuild would bring back what it took out",
        )
    mixed = {path: one for path, one in whose.items() if app_id in one and len(one) > 1}
    if mixed:
        others = sorted(set[str]().union(*mixed.values()) - {app_id})
        raise _refusal(
            table,
            "files of the table hold rows of others beside those of this pipeline",
            got=f"{len(mixed)} such files, with rows of {', '.join(others)}",
        )
    strangers = [path for path, one in whose.items() if app_id not in one]
    if strangers and not keeps_others:
        raise _refusal(
            table,
            "rows of others are in the table, and keys and partitions are settled among all rows",
            got=f"{len(strangers)} files that this pipeline did not write",
        )


def _refusal(table: DeltaTable, what: str, *, got: str) -> IrreversibleError:
    return IrreversibleError(
        f"the table cannot be rebuilt: {what}",
        where=f"{table.table_uri}, version {table.version()}",
        got=got,
        expected="rows that are this pipeline's alone, as its batches left them",
        next_step=_NEW_TABLE,
    )


def _values(files: pl.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    if not names or files.is_empty():
        return [{} for _ in range(files.height)]
    # row objects allowed: one a file
    return partition_texts(files["partition"].struct.unnest().select(names)).to_dicts()


def _rows(uri: str, files: pl.DataFrame) -> int:
    """Where the log does not count them, the footers are asked."""
    unknown = files.filter(pl.col("num_records").is_null())["path"]
    return int(files["num_records"].sum()) + sum(one.rows or 0 for one in read_footers(uri, unknown))

"""The files of a table, written again in wider types: one commit takes out the old ones and adds the new.

Memory is bounded by a file of the result, whatever the files are like. Files come first, the commit is last:
a process that is killed on the way leaves files that no reader sees.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction

from storage.errors import TableError, TableSchemaError
from storage.filesystem import delta_storage_options
from storage.layout.data_file import DataFile
from storage.layout.file_layout import ROW_GROUP_ROWS
from storage.layout.parquet_file import encode_parquet
from storage.layout.partitions import partition_texts
from storage.layout.uploads import Uploads, remove_files
from storage.tables.opened_file import is_outside, opened_file
from storage.upstream import translated

_FILE_BYTES: Final = 128 * 2**20
"""Memory of the rows of one new file; it becomes about a fifth of that in Parquet."""
_NEW_TABLE: Final = "write to a new table, or cast to the table's type in a transform"


def check_rewritable(table: DeltaTable, paths: Iterable[str]) -> None:
    """Refuses tables that forbid to write their files again, or whose rows are not just those of their files.

    Args:
        paths: The columns that ask for it.

    Raises:
        TableSchemaError: Final.
    """
    hindrances = {
        "delta.appendOnly": table.metadata().configuration.get("delta.appendOnly") == "true",
        "deletion vectors": "deletionVectors" in (table.protocol().writer_features or ()),
        "files outside of its folder": any(map(is_outside, _active(table)["path"])),
    }
    found = [name for name, there in hindrances.items() if there]
    if found:
        raise TableSchemaError(
            "the files of the table would have to be written again for these columns, and must not be",
            where=f"{table.table_uri}, column {', '.join(map(repr, paths))}",
            got=f"a table with {', '.join(found)}",
            next_step=_NEW_TABLE,
        )


class Rewriting:
    """Files that have been written for a new schema, kept over lost races; what no commit took is removed.

    Args:
        uri: The table's.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._schema = ""
        self._written: dict[str, list[DataFile]] = {}  # by the path of the old file, as the log has it
        self._committing = False

    def commit(
        self,
        table: DeltaTable,
        schema: DeltaSchema,
        metadata: Mapping[str, Any],
        hooks: PostCommitHookProperties,
    ) -> None:
        """Writes what is not written yet, and commits it, if nobody has committed since `table` was opened.

        Raises:
            CommitFailedError: Somebody has. Nothing happened; call again with the table as it is now.
            StorageError: A file could not be read or written.
        """
        if schema.to_json() != self._schema:
            self._remove(self._written)
            self._schema = schema.to_json()
        active = _active(table)
        self._remove(set(self._written) - set(active["path"]))
        self._write(active, schema)
        adds = [
            AddAction(one.path, one.size, one.partition_values, one.modified_ms, True, one.stats)
            for files in self._written.values()
            for one in files
        ]
        self._committing = True
        table.create_write_transaction(
            adds,
            "overwrite",
            schema,
            table.metadata().partition_columns,
            # Retries would keep the files of whoever was faster, in the old types.
            commit_properties=CommitProperties(max_commit_retries=0, custom_metadata=dict(metadata)),
            post_commithook_properties=hooks,
        )
        self._written.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove(set(self._written))

    def _write(self, active: pl.DataFrame, schema: DeltaSchema) -> None:
        columns = pl.DataFrame(pa.schema(schema.to_arrow()).empty_table()).schema
        partitions = active["partition"].struct.unnest() if "partition" in active.columns else pl.DataFrame()
        target = pl.Schema({name: kind for name, kind in columns.items() if name not in partitions.columns})
        # row objects allowed: one a file
        values = partition_texts(partitions).to_dicts() or [{}] * active.height
        for path, rows, one in zip(active["path"], active["rows"], values, strict=True):
            if path not in self._written:
                self._written[path] = _rewritten(self._uri, path, rows, one, target)

    def _remove(self, paths: Iterable[str]) -> None:
        """Removes the new files of old ones, as far as no commit has taken them."""
        unused = [one.path for path in list(paths) for one in self._written.pop(path, ())]
        if not unused:
            return
        taken = self._taken() if self._committing else set()
        remove_files(self._uri, [path for path in unused if path not in taken])

    def _taken(self) -> set[str]:
        """The files of the table, as the store has their paths: a commit that failed may have happened."""
        with translated("open the table", self._uri):
            table = DeltaTable(self._uri, storage_options=delta_storage_options(self._uri))
        return {unquote(path) for path in _active(table)["path"]}


def _rewritten(
    uri: str, path: str, rows: int | None, values: dict[str, str | None], target: pl.Schema
) -> list[DataFile]:
    """New files with the rows of an old one, in its order; none is left where one cannot be written."""
    uploads, files = Uploads(uri), []
    folder = "".join(unquote(path).rpartition("/")[:2])
    try:
        for frame in _read(uri, path):
            data = encode_parquet(_in_types(frame, target, f"{uri}/{path}"))
            name = f"{folder}evolved-{uuid.uuid4().hex}.parquet"
            uploads.put(name, data.data)
            files.append(
                DataFile(name, len(data.data), data.rows, values, data.stats, time.time_ns() // 1_000_000)
            )
        _check_rows(f"{uri}/{path}", rows, sum(one.rows for one in files))
        uploads.keep()
    except BaseException:
        uploads.remove()
        raise
    return files


def _read(uri: str, path: str) -> Iterator[pl.DataFrame]:
    """The rows of a file in order, as many at a time as make a new file."""
    with opened_file(uri, path) as parquet:
        yield from _collected(map(pl.DataFrame, parquet.iter_batches(ROW_GROUP_ROWS)))


def _collected(batches: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    frames: list[pl.DataFrame] = []
    for batch in batches:
        frames.append(batch)
        if sum(frame.estimated_size() for frame in frames) >= _FILE_BYTES:
            yield pl.concat(frames)
            frames.clear()
    if frames:
        yield pl.concat(frames)


def _in_types(frame: pl.DataFrame, target: pl.Schema, where: str) -> pl.DataFrame:
    """`frame` in wider types, every value the same; columns that it has not are null."""
    columns = [
        (pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name))
        for name, kind in target.items()
    ]
    try:
        return frame.select(columns)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as exc:
        # Dates reach further than timestamps, and Polars panics while it words their error.
        raise TableSchemaError(
            "a value of the table does not fit the wider type",
            where=where,
            got=str(exc).partition("\n")[0],
            expected="timestamps from -290308 to 294247",
            next_step=_NEW_TABLE,
        ) from exc


def _check_rows(where: str, expected: int | None, found: int) -> None:
    if expected is not None and expected != found:
        raise TableError(
            "a data file does not hold the rows that the log says",
            where=where,
            got=f"{found:,} rows",
            expected=f"{expected:,} rows",
            next_step="run penstock verify, and put the file back as it was written",
        )


def _active(table: DeltaTable) -> pl.DataFrame:
    """The files of a table: `path` as the log has it, `rows`, null where unknown, any `partition` values."""
    actions = pl.DataFrame(pa.table(table.get_add_actions()))
    wanted = [name for name in ("path", "num_records", "partition") if name in actions.columns]
    return actions.select(wanted).rename({"num_records": "rows"}, strict=False)

"""`source: {table: …}`: what waits, which columns it has, and its rows."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

import polars as pl
import pyarrow as pa

from config.consistency import added_columns, change_columns
from config.errors import SpecError
from config.pipeline import Contract, Pipeline
from config.settings import Settings
from config.source import Source
from pipelines.reading.source_columns import contract_columns
from storage.layout.partitions import PartitionValues, partition_texts
from storage.reading.rows import Rows
from storage.reading.typed.reader_process import ReaderProcess
from storage.tables.feed.partition_columns import partition_arrays
from storage.tables.feed.pieces import parsed
from storage.tables.feed.rows import FeedReader
from storage.tables.feed.source_log import at_version, open_source
from storage.tables.feed.waiting import waiting_pieces, within


def next_pieces(source: Source, taken: pl.DataFrame) -> pl.DataFrame:
    """The files of the next batch; arguments, columns and errors as of `waiting_pieces`."""
    waiting = waiting_pieces(source.location, source.read, taken)
    return within(waiting, source.max_files_per_batch, source.max_bytes_per_batch)


def with_source_columns(pipeline: Pipeline, files: pl.DataFrame | None = None) -> Pipeline:
    """`pipeline` with every column of its source in the contract, where that is a table.

    Args:
        pipeline: Which one.
        files: A batch, by which the version of the source is told whose columns are meant; the newest where
            it has none, or is not given.

    Raises:
        SpecError: The contract must say more, because the source has columns that it cannot have as they are.
        StorageError: The source cannot be read.
    """
    source, contract = pipeline.source, pipeline.contract
    if source.table is None:
        return pipeline
    table = _opened(source, files)
    _check_partitions(pipeline, table)
    if not contract.columns:
        contract = _of_source(pipeline, table)
    known = {one.name for one in contract.columns}
    added = tuple(one for one in change_columns(source.read) if one.name not in known)
    contract = contract.model_copy(update={"columns": (*contract.columns, *added)})
    return pipeline.model_copy(update={"contract": contract})


def read_partitions(
    files: pl.DataFrame, schema: pl.Schema, partition_by: Sequence[str]
) -> tuple[PartitionValues, ...]:
    """The partitions that a batch has read, in the words of a table with `schema`.

    Args:
        files: As the ledger has them.
        schema: With all columns of `partition_by`, which are those of the source.
    """
    wanted = pl.DataFrame(schema=schema).select(partition_by).to_arrow().schema
    keys = parsed(files["identity"])["values"].unique(maintain_order=True)
    values = [
        pl.DataFrame(partition_arrays(wanted, partition_by, json.loads(key), 1, where="the ledger"))
        for key in keys  # row objects allowed: one a partition
    ]
    # row objects allowed: one a partition
    return tuple(partition_texts(pl.concat(values).select(partition_by)).to_dicts()) if values else ()


def _check_partitions(pipeline: Pipeline, table: Any) -> None:
    """What is read partition by partition must be replaced so: only then a batch holds whole partitions."""
    theirs, ours = table.metadata().partition_columns, pipeline.table.partition_by
    if pipeline.source.read != "partitions" or pipeline.table.mode != "replace" or set(theirs) == set(ours):
        return
    raise SpecError(
        "partitions of the source that are no partitions of the table",
        where=f"pipeline {pipeline.name}, table.partition_by",
        got=", ".join(ours) or "none",
        expected=f"the columns that partition the source: {', '.join(theirs) or 'none'}",
        next_step="partition both tables by the same columns, or use mode: upsert",
    )


def read_table_source(pipeline: Pipeline, files: pl.DataFrame, settings: Settings) -> Generator[Rows]:
    """The rows of the files of a batch, in order; lazy, close it where it is not read to its end.

    Args:
        pipeline: Which one.
        files: Columns path, identity and size, as the ledger has them.
        settings: For the sizes.

    Raises:
        TableError: A file was vacuumed, or does not hold what the log says.
        StorageError: The source cannot be read.
    """
    if files.is_empty():
        return
    table = _opened(pipeline.source)
    with closing(ReaderProcess(memory_bytes=settings.memory_bytes)) as process:
        reader = FeedReader(
            schema=pa.schema(table.schema().to_arrow()),
            partition_columns=table.metadata().partition_columns,
            changes=pipeline.source.read == "changes",
            process=process,
            batch_bytes=settings.block_bytes,
            memory_bytes=settings.memory_bytes,
            max_unpacked_bytes=settings.max_unpacked_bytes,
        )
        with closing(reader.read(files)) as rows:
            yield from rows


def _opened(source: Source, files: pl.DataFrame | None = None) -> Any:
    """The source at the newest version that the files of a batch are of."""
    if files is None or files["replays"].count():
        return open_source(source.location)
    told = parsed(files["identity"])
    return at_version(source.location, max(told["version"]), told["table"][0])


def _of_source(pipeline: Pipeline, table: Any) -> Contract:
    """The contract with all columns of the source, so that there can be no others."""
    contract = pipeline.contract
    if "on_new_column" not in contract.model_fields_set:
        contract = contract.model_copy(update={"on_new_column": "fail"})
    own = added_columns(rescued=contract.rescues, lineage=pipeline.lineage)
    taken = {one.name for one in (*own, *change_columns(pipeline.source.read))}
    columns = contract_columns(table)
    unfit = [name for name, kind in columns.items() if name in taken or kind is None]
    if unfit:
        raise SpecError(
            "the source has columns that the table cannot have under these names, or in these types",
            where=f"{pipeline.source.location}, version {table.version()}",
            got=", ".join(unfit),
            expected="contract.columns with those that are wanted",
            next_step="name the columns in contract.columns, and say in contract.on_new_column what becomes "
            "of the others",
        )
    return contract.model_copy(update={"columns": tuple(filter(None, columns.values()))})

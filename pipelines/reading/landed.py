"""The files of a batch as what they hold: records as text, rows with types of their own, or damages."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial
from itertools import groupby
from typing import cast

import polars as pl

from config.formats import TYPED, TypedFormat
from config.pipeline import Pipeline
from config.settings import Settings
from config.source import Source
from storage.reading.block_builder import Damage
from storage.reading.blocks import read_blocks
from storage.reading.framing import Framing, LineFraming
from storage.reading.items import Item
from storage.reading.rows import Rows
from storage.reading.typed.reader_process import ReaderProcess
from storage.reading.typed_files import read_rows
from transforms.decode.framing import CellFraming, DocumentFraming, DocumentOrLines


def read_landed(pipeline: Pipeline, files: pl.DataFrame, settings: Settings) -> Generator[Item]:
    """The items of all files, in order: each run of typed files, and each of text, by a reader of its own.

    Lazy; close it where it is not read to its end.

    Args:
        files: Columns path, identity, size (bytes).

    Raises:
        StorageError: A file is gone, has changed, or cannot be read.
    """
    if pipeline.source.table is not None:
        yield from _of_table(pipeline, files, settings)
        return
    with closing(ReaderProcess(memory_bytes=settings.memory_bytes)) as process:  # one for all runs
        yield from _runs(pipeline, files, settings, process)


def _of_table(pipeline: Pipeline, files: pl.DataFrame, settings: Settings) -> Generator[Item]:
    from pipelines.reading.table_source import read_table_source  # not at the top: few pipelines need it

    with closing(read_table_source(pipeline, files, settings)) as items:
        yield from items


def _runs(
    pipeline: Pipeline, files: pl.DataFrame, settings: Settings, process: ReaderProcess
) -> Generator[Item]:
    first = 0
    formats = [pipeline.source.format_of(path) for path in files["path"]]
    for typed, run in groupby(formats, key=lambda one: one in TYPED):
        length = len(list(run))
        reader = partial(_rows, process=process) if typed else _blocks
        with closing(reader(pipeline, files.slice(first, length), settings, first)) as items:
            yield from items
        first += length


def _blocks(pipeline: Pipeline, files: pl.DataFrame, settings: Settings, first: int) -> Generator[Item]:
    return read_blocks(
        files["path"].to_list(),  # row objects allowed: one path a file
        files["size"].to_list(),  # row objects allowed: one size a file
        identities=files["identity"].to_list(),  # row objects allowed: one text a file
        compression=pipeline.source.compression,
        block_bytes=settings.block_bytes,
        max_record_bytes=settings.max_record_bytes,
        first_position=first,
        framing=lambda path: framing_of(pipeline.source, path),
        encoding=pipeline.source.encoding_of,
    )


def framing_of(source: Source, path: str) -> Framing:
    """What finds the records of the file at `path`, which is text: a new one for each reading."""
    match source.format_of(path):
        case "json":
            return DocumentFraming()
        case "json or ndjson":
            return DocumentOrLines(LineFraming())
        case "csv":
            return CellFraming(source.form_of(path))
        case _:
            return LineFraming()


def _rows(
    pipeline: Pipeline, files: pl.DataFrame, settings: Settings, first: int, *, process: ReaderProcess
) -> Generator[Item]:
    with closing(_typed(pipeline, files, settings, first, process)) as items:
        from pipelines.reading.bounded import bounded  # not at the top: see `transforms.rows`

        yield from bounded(items, part_bytes=4 * settings.block_bytes, most_bytes=settings.max_unpacked_bytes)


def _typed(
    pipeline: Pipeline, files: pl.DataFrame, settings: Settings, first: int, process: ReaderProcess
) -> Generator[Rows | Damage]:
    return read_rows(
        files["path"].to_list(),  # row objects allowed: one path a file
        files["size"].to_list(),  # row objects allowed: one size a file
        identities=files["identity"].to_list(),  # row objects allowed: one text a file
        formats=[cast(TypedFormat, pipeline.source.format_of(path)) for path in files["path"]],
        compression=pipeline.source.compression,
        batch_bytes=settings.block_bytes,
        max_record_bytes=settings.max_record_bytes,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        memory_bytes=settings.memory_bytes,
        first_position=first,
        process=process,
    )

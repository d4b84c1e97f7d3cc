"""Which files a batch takes in, written down in the ledger before anything else happens."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from config.pipeline import Pipeline
from pipelines.reading.table_source import next_pieces
from pipelines.spent import Spent
from pipelines.written_batch import PlannedBatch
from storage.landing.listing import list_landing
from storage.tables.delta import last_batch, open_table
from storage.tables.ledger.planning import plan, plan_replay, plan_versions


def plan_batch(pipeline: Pipeline) -> PlannedBatch | None:
    """The next batch, planned in the ledger; None where nothing waits."""
    with (spent := Spent()).on("plan"):
        table = open_table(pipeline.table.uri)
        number = last_batch(table, pipeline.name) + 1
        files = _next_files(pipeline, number)
    return None if files is None else PlannedBatch(number, files, table, spent)


def _next_files(pipeline: Pipeline, number: int) -> pl.DataFrame | None:
    uri, name, source = pipeline.table.uri, pipeline.name, pipeline.source
    if source.table is not None:
        return plan_versions(uri, name, number, waiting=lambda taken: next_pieces(source, taken))
    return plan(
        uri,
        name,
        number,
        landed=lambda: list_landing(source.location),
        max_files=source.max_files_per_batch,
        max_bytes=source.max_bytes_per_batch,
    )


def plan_replay_batch(pipeline: Pipeline, open_files: Callable[[], pl.DataFrame]) -> PlannedBatch | None:
    """The next batch, of records out of the quarantine; None where none of them can be replayed.

    Where an earlier attempt at a batch died, that one, whatever it takes in.

    Args:
        pipeline: Which one.
        open_files: See `storage.tables.ledger.planning.plan_replay`.
    """
    with (spent := Spent()).on("plan"):
        table = open_table(pipeline.table.uri)
        number = last_batch(table, pipeline.name) + 1
        files = plan_replay(
            pipeline.table.uri,
            pipeline.name,
            number,
            open_files=open_files,
            max_files=pipeline.source.max_files_per_batch,
            max_bytes=pipeline.source.max_bytes_per_batch,
        )
    return None if files is None else PlannedBatch(number, files, table, spent)

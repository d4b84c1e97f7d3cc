"""Rebuilds in tests, each with its proof, and what they must come to."""

from __future__ import annotations

import polars as pl

from config.pipeline import Pipeline
from pipelines.backfill.rebuild import rebuild
from pipelines.backfill.request import BackfillSummary
from pipelines.run import run
from storage.filesystem import delta_storage_options
from storage.tables.content_hash import content_hash
from tests.pipelines.taking_in import SETTINGS, proof_of


def rebuild_and_prove(pipeline: Pipeline) -> BackfillSummary:
    """Rebuilds the table; the proof holds."""
    done = rebuild(pipeline, SETTINGS)
    assert proof_of(pipeline).violations == ()
    return done


def hash_of(pipeline: Pipeline) -> str:
    """Of what the table holds."""
    uri = pipeline.table.uri
    return content_hash(pl.scan_delta(uri, storage_options=delta_storage_options(uri) or None))


def fresh(pipeline: Pipeline, **changes: object) -> Pipeline:
    """The same pipeline into a new table, caught up with all that has landed."""
    table = pipeline.table.model_copy(update={"uri": f"{pipeline.table.uri}-fresh"})
    other = pipeline.model_copy(update={"table": table, **changes})
    run(other, SETTINGS)
    return other

"""Text that no Delta table can keep as a partition value."""

from __future__ import annotations

import polars as pl

from config.column_types import String
from config.names import UNSTORABLE_PARTITION_VALUES
from config.pipeline import Pipeline
from transforms.expectations import Rule


def storable_rules(pipeline: Pipeline) -> list[Rule]:
    """A rule for each text column of the contract that the table is partitioned by.

    Delta keeps partition values as text in which the empty string means null, so that a row with one would
    come back changed: it goes to the quarantine while its record is at hand. What transforms make of a
    partition column is looked at again where the rows are written.
    """
    text = [column.name for column in pipeline.contract.columns if isinstance(column.type, String)]
    return [_rule(name) for name in pipeline.table.partition_by if name in text]


def _rule(name: str) -> Rule:
    stored = ~pl.col(name).is_in(UNSTORABLE_PARTITION_VALUES).fill_null(False)
    return Rule(f"{name} can be a partition value", stored, "quarantine", "unstorable_partition_value", name)

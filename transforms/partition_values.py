"""Text that no Delta table can keep as a partition value."""

from __future__ import annotations

import polars as pl

from config.column_types import Dictionary, String
from config.names import LONGEST_PARTITION_VALUE, UNSTORABLE_PARTITION_VALUES
from config.pipeline import Pipeline
from transforms.expectations import Rule


def storable_rules(pipeline: Pipeline) -> list[Rule]:
    """A rule for each text column of the contract that the table is partitioned by.

    Delta keeps partition values as text in which the empty string means null, and local stores keep them as
    names of folders too, so that a row with the one or with a long text would come back changed, or not be
    written: it goes to the quarantine while its record is at hand. What transforms make of a partition column
    is looked at again where the rows are written.
    """
    text = [
        column.name for column in pipeline.contract.columns if isinstance(column.type, String | Dictionary)
    ]
    return [_rule(name) for name in pipeline.table.partition_by if name in text]


def _rule(name: str) -> Rule:
    text = pl.col(name).cast(pl.String)
    told_apart = ~text.is_in(UNSTORABLE_PARTITION_VALUES).fill_null(False)
    stored = told_apart & text.map_batches(_fit, return_dtype=pl.Boolean, is_elementwise=True)
    return Rule(f"{name} can be a partition value", stored, "quarantine", "unstorable_partition_value", name)


def _fit(values: pl.Series) -> pl.Series:
    """Whether each value is short enough, percent-encoded: three bytes for one at most."""
    sizes = values.str.len_bytes().fill_null(0).cast(pl.Int64)
    if not (3 * sizes > LONGEST_PARTITION_VALUE).any():
        return pl.repeat(True, len(values), eager=True)
    plain = values.str.count_matches("[A-Za-z0-9_.~-]").fill_null(0).cast(pl.Int64)
    return 3 * sizes - 2 * plain <= LONGEST_PARTITION_VALUE

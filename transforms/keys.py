"""Records without a key, where the rows of a table are told apart by one."""

from __future__ import annotations

import polars as pl

from config.pipeline import Pipeline
from transforms.expectations import Rule


def key_rules(pipeline: Pipeline) -> list[Rule]:
    """A rule for each column of the key that comes out of the contract as it is.

    Nothing tells a row without a key from others: it goes to the quarantine while its record is at hand. What
    transforms make of it is looked at where the rows are written.
    """
    if pipeline.transforms or not pipeline.table.merges:
        return []
    columns = {column.name for column in pipeline.contract.columns}
    names = [[path] if path in columns else path.split(".") for path in pipeline.table.key]
    return [_rule(*one) for one in names if one[0] in columns]


def _rule(first: str, *fields: str) -> Rule:
    path = ".".join([first, *fields])
    value = pl.col(first)
    for name in fields:
        value = value.struct.field(name)
    return Rule(f"{path} is a key", value.is_not_null(), "quarantine", "null_key", path)

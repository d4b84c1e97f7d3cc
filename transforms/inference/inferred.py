"""What a sample says about a contract."""

from __future__ import annotations

from dataclasses import dataclass

from config.column_types import Column
from config.findings import KeyPath


@dataclass(frozen=True)
class Inferred:
    """The columns that a whole sample fits, and why they are what they are.

    Attributes:
        columns: In the order of first sight. Required are those that had a value in every record, or each of
            at least 100 times in the struct or list they are part of; structs and lists are not: their long
            form is hard to read.
        notes: What is not plain to see in a column, by its keys.
        left_out: Why a field has no column, by dotted path; its values will be rescued.
        days: How many different days were seen in each date or timestamp column at the top level.
        records: How many records were looked at.
        unreadable: How many further ones the decoder would refuse whatever the contract.
    """

    columns: tuple[Column, ...]
    notes: dict[KeyPath, str]
    left_out: dict[str, str]
    days: dict[str, int]
    records: int
    unreadable: int

"""The errors of transforms.

TransformError                 base of all of them; final: the same call fails again
├── RecordRefusedError         a record does not fit, and the pipeline says that the batch fails then
├── ExpectationError           an expectation that is no boolean expression over the contract's columns
├── ExpectationFailedError     rows that do not meet an expectation whose action is `fail`
└── StepError                  a transform step that cannot be loaded, or is no query over what it gets
"""

from __future__ import annotations

import re

from config.errors import PenstockError


def cast_categories(message: str) -> str | None:
    """The next step where Polars' `message` says that a function of text was given a dictionary column."""
    if "cat" in re.findall(r"[a-z]+", message.partition("got")[2]):
        return "functions of text take a dictionary column as cast(NAME as varchar)"
    return None


class TransformError(PenstockError):
    """Data or a query over it is not what the pipeline says."""


class RecordRefusedError(TransformError):
    """A record does not fit the contract, and `on_mismatch` or `on_new_column` is `fail`.

    Attributes:
        part: Of the block, in which it is, from 0.
        line: Its line, or row, in that part, from 0.
    """

    part: int = 0
    line: int = 0

    def at(self, path: str, record: int) -> RecordRefusedError:
        """The same, told by whoever knows the file, and the number of the record in it, from 1."""
        where = f"{path}, record {record}" + (f", column {self.where}" if self.where else "")
        return RecordRefusedError(self.what, where=where, got=self.got, next_step=self.next_step)


class ExpectationError(TransformError):
    """An expectation is no boolean expression over the contract's columns."""


class ExpectationFailedError(TransformError):
    """Rows do not meet an expectation whose action is `fail`."""


class StepError(TransformError):
    """A transform step cannot be loaded, or fails on the rows it gets."""

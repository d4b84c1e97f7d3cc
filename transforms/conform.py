"""A block of records into rows that fit the contract and its expectations, and the others with the reason.

The counts of a chunk are a matrix, a row for each part of its block and a column for each outcome: READ,
QUARANTINED, DROPPED, then for each expectation the rows that did not meet it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from config.names import RESCUED
from config.pipeline import Pipeline
from transforms.decode.arrow import arrow_type, binaries
from transforms.decode.decoder import Decoded, Decoder
from transforms.decode.kernel.codes import MISSING_REQUIRED, UNKNOWN_FIELD
from transforms.decode.kernel.library import call
from transforms.decode.lines import Lines, split
from transforms.errors import ExpectationFailedError, RecordRefusedError
from transforms.expectations import Rule, meets, rules_of
from transforms.partition_values import storable_rules

READ, QUARANTINED, DROPPED, FIRST_EXPECTATION = range(4)

PART: Final = "_part"
LINE: Final = "_line"

REJECTED_SCHEMA: Final = pl.Schema(
    {
        PART: pl.Int32,  # of the block
        LINE: pl.Int64,  # in that part, from 0
        "offset": pl.Int64,  # bytes from the start of the block
        "reason": pl.String,
        "column": pl.String,  # dotted path; null for the record as a whole
        "raw": pl.Binary,  # the record as it came, without its line ending
    }
)


@dataclass(frozen=True)
class Chunk:
    """Some consecutive records of a block.

    accepted: rows in the order of the records: the contract's columns, `_rescued` where the pipeline rescues,
        and `_part` and `_line` where it is asked to say where rows come from.
    rejected: rows of REJECTED_SCHEMA, in no particular order.
    counts: see the module.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Conformed:
    """A whole block: its chunks in order, and the lines of each of its parts."""

    chunks: list[Chunk]
    line_counts: NDArray[np.int64]


class Conformer:
    """Conforms blocks under one pipeline; safe to use from several threads at once.

    Raises:
        ExpectationError: An expectation of the pipeline cannot be checked.
    """

    def __init__(self, pipeline: Pipeline, *, max_nesting: int, positions: bool) -> None:
        self._contract = pipeline.contract
        self._decoder = Decoder(pipeline.contract, max_nesting)
        self._rescues = pipeline.contract.rescues
        self._positions = positions
        self.schema = conformed_schema(pipeline, positions=positions)
        self.rules = rules_of(pipeline.expectations, self.schema) + storable_rules(pipeline)

    def conform(self, data: NDArray[np.uint8], size: int, starts: NDArray[np.int64]) -> Conformed:
        """The records of `data[:size]`, whose parts begin at `starts`; PADDING zeros follow them.

        Raises:
            RecordRefusedError: A record is refused that must not be.
            ExpectationFailedError: Rows do not meet an expectation that they must meet.
        """
        lines = split(data, size, starts)
        return Conformed(list(self._chunks(data, lines)), lines.line_counts)

    def _chunks(self, data: NDArray[np.uint8], lines: Lines) -> Iterator[Chunk]:
        first = 0
        for decoded in self._decoder.decode(data, lines.offsets):
            past = first + len(decoded.verdicts)
            yield self._chunk(data, lines.between(first, past), decoded)
            first = past

    def _chunk(self, data: NDArray[np.uint8], lines: Lines, decoded: Decoded) -> Chunk:
        self._check_refusals(decoded)
        frame = self._frame(lines, decoded)
        counts = np.zeros((len(lines.line_counts), FIRST_EXPECTATION + len(self.rules)), np.int64)
        counts[:, READ] = lines.per_part()
        rejected = []
        refused = np.flatnonzero(decoded.verdicts)
        if len(refused):
            rejected.append(self._refused(data, lines, decoded, refused))
            frame = frame.filter(pl.Series(decoded.verdicts == 0))
        if self.rules:
            records = np.flatnonzero(decoded.verdicts == 0)
            frame, unmet = self._judge(frame, records, lines, counts)
            rejected += [
                _rejected(data, lines, at, pl.lit(rule.reason), pl.lit(rule.column)) for rule, at in unmet
            ]
        held = pl.concat(rejected) if rejected else REJECTED_SCHEMA.to_frame()
        counts[:, QUARANTINED] = np.bincount(held[PART].to_numpy(), minlength=len(counts))
        return Chunk(frame, held, counts)

    def _frame(self, lines: Lines, decoded: Decoded) -> pl.DataFrame:
        columns, names = decoded.columns.flatten(), [field.name for field in decoded.columns.type]
        if self._rescues:
            columns, names = [*columns, decoded.rescued], [*names, RESCUED]
        frame = pl.DataFrame(pa.RecordBatch.from_arrays(columns, names))
        if self._positions:
            frame = frame.with_columns(
                pl.Series(PART, lines.parts), pl.Series(LINE, lines.lines).cast(pl.Int64)
            )
        return frame

    def _check_refusals(self, decoded: Decoded) -> None:
        verdicts = decoded.verdicts
        fatal = verdicts == UNKNOWN_FIELD
        if self._contract.on_mismatch == "fail":
            fatal |= verdicts >= MISSING_REQUIRED
        if fatal.any():
            first = int(np.argmax(fatal))
            reason = self._decoder.reason(int(verdicts[first]))
            option = "on_new_column" if verdicts[first] == UNKNOWN_FIELD else "on_mismatch"
            raise RecordRefusedError(
                "a record does not fit the contract, and the pipeline says that the batch fails then",
                where=self._decoder.column(int(decoded.nodes[first])),
                got=f"{reason} in {int(fatal.sum())} records of one block",
                next_step=f"set {option} to rescue, or correct the contract",
            )

    def _refused(
        self, data: NDArray[np.uint8], lines: Lines, decoded: Decoded, refused: NDArray[np.int64]
    ) -> pl.DataFrame:
        causes = pl.DataFrame({"verdict": decoded.verdicts[refused], "node": decoded.nodes[refused]})
        known = causes.unique(maintain_order=True)
        names = known.with_columns(
            pl.Series("reason", [self._decoder.reason(verdict) for verdict in known["verdict"]], pl.String),
            pl.Series("column", [self._decoder.column(node) for node in known["node"]], pl.String),
        )
        named = causes.join(names, on=["verdict", "node"], how="left", maintain_order="left")
        return _rejected(data, lines, refused, named["reason"], named["column"])

    def _judge(
        self, frame: pl.DataFrame, records: NDArray[np.int64], lines: Lines, counts: NDArray[np.int64]
    ) -> tuple[pl.DataFrame, list[tuple[Rule, NDArray[np.int64]]]]:
        """The rows that may go on, and for each rule that quarantines the records that do not meet it."""
        parts = lines.parts[records]
        alive = np.ones(len(records), np.bool_)
        quarantined = []
        for number, (rule, met) in enumerate(zip(self.rules, meets(frame, self.rules), strict=True)):
            unmet = alive & ~met.to_numpy()
            if not unmet.any():
                continue
            tally = np.bincount(parts[unmet], minlength=len(counts))
            counts[:, FIRST_EXPECTATION + number] += tally
            if rule.action == "fail":
                raise ExpectationFailedError(
                    f"rows do not meet the expectation {rule.name}, whose action is fail",
                    got=f"{int(unmet.sum())} rows of one block",
                    next_step="correct the records or the expectation, or set its action to quarantine",
                )
            if rule.action == "warn":
                continue
            alive &= ~unmet
            if rule.action == "drop":
                counts[:, DROPPED] += tally
            else:
                quarantined.append((rule, records[unmet]))
        return (frame if alive.all() else frame.filter(pl.Series(alive))), quarantined


def conformed_schema(pipeline: Pipeline, *, positions: bool = False) -> pl.Schema:
    """The columns of accepted rows, as `Chunk.accepted` has them."""
    fields = [(column.name, arrow_type(column.type)) for column in pipeline.contract.columns]
    schema = pl.DataFrame(pa.schema(fields).empty_table()).schema
    if pipeline.contract.rescues:
        schema[RESCUED] = pl.String()
    if positions:
        schema[PART], schema[LINE] = pl.Int32(), pl.Int64()
    return schema


def _rejected(
    data: NDArray[np.uint8],
    lines: Lines,
    records: NDArray[np.int64],
    reason: pl.Series | pl.Expr,
    column: pl.Series | pl.Expr,
) -> pl.DataFrame:
    begins, ends = lines.offsets[records], np.empty(len(records), np.int64)
    limits = lines.offsets[records + 1]
    call("find_ends", data, len(records), begins, limits, ends)
    text = np.empty(int((ends - begins).sum()), np.uint8)
    call("copy_spans", data, len(records), begins, ends, text)
    positions = {PART: lines.parts[records], LINE: lines.lines[records], "offset": begins}
    frame = pl.DataFrame(positions).with_columns(
        reason=reason, column=column, raw=pl.Series(binaries(ends - begins, text))
    )
    return frame.cast(REJECTED_SCHEMA).select(REJECTED_SCHEMA.names())

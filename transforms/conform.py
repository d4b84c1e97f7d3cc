"""A block of records into rows that fit the contract and its expectations, and the others with the reason.

The counts of a chunk are a matrix, a row for each part of its block and a column for each outcome: READ,
QUARANTINED, DROPPED, then for each expectation the rows that did not meet it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from config.names import RESCUED
from config.pipeline import Pipeline
from config.text_form import LINES, TextForm
from transforms.decode.arrow import arrow_type
from transforms.decode.cells import CellDecoder
from transforms.decode.decoder import Decoded, Decoder
from transforms.decode.kernel.codes import MISSING_REQUIRED, UNKNOWN_FIELD
from transforms.decode.lines import Lines, as_lines, split
from transforms.errors import ExpectationFailedError, RecordRefusedError
from transforms.expectations import meets, rules_of
from transforms.keys import key_rules
from transforms.partition_values import storable_rules
from transforms.records import LINE, PART, Records, TextRecords
from transforms.refused import REFUSED_SCHEMA, Refused

if TYPE_CHECKING:
    from transforms.rows import RowDecoder

READ, QUARANTINED, DROPPED, FIRST_EXPECTATION = range(4)

_RULE: Final = 255
"""Stands in the place of a verdict where a record did not meet a rule, and its number in that of the node."""


@dataclass(frozen=True)
class Chunk:
    """Some consecutive records of a block.

    accepted: rows in the order of the records: the contract's columns, `_rescued` where the pipeline rescues,
        and `_part` and `_line` where it is asked to say where rows come from.
    refused: the others, in no particular order; None where there are none.
    counts: see the module.
    """

    accepted: pl.DataFrame
    refused: Refused | None
    counts: NDArray[np.int64]

    @property
    def rejected(self) -> pl.DataFrame:
        """The refused records as rows of REFUSED_SCHEMA."""
        return REFUSED_SCHEMA.to_frame() if self.refused is None else self.refused.frame()


@dataclass(frozen=True)
class Conformed:
    """A whole block: its chunks in order, and the lines of each of its parts."""

    chunks: list[Chunk]
    line_counts: NDArray[np.int64]


class Conformer:
    """Conforms blocks under one pipeline; safe to use from several threads at once.

    Args:
        max_record_bytes: Copies of rows that are longer are not kept; None for no such limit.

    Raises:
        ExpectationError: An expectation of the pipeline cannot be checked.
    """

    def __init__(
        self, pipeline: Pipeline, *, max_nesting: int, positions: bool, max_record_bytes: int | None = None
    ) -> None:
        self._contract = pipeline.contract
        self._decoder = Decoder(pipeline.contract, max_nesting)
        self._cells = CellDecoder(pipeline.contract, pipeline.source.csv, max_nesting)
        self._max_nesting, self._max_record_bytes = max_nesting, max_record_bytes
        self._rescues = pipeline.contract.rescues
        self._positions = positions
        self.schema = conformed_schema(pipeline, positions=positions)
        named = rules_of(pipeline.expectations, self.schema)
        self.rules = [*named, *storable_rules(pipeline), *key_rules(pipeline)]

    def conform(
        self, data: NDArray[np.uint8], size: int, starts: NDArray[np.int64], form: TextForm = LINES
    ) -> Conformed:
        """The records of `data[:size]`, whose parts begin at `starts`; PADDING zeros follow them.

        Args:
            form: How the records lie in the text; of CSV, with the header of the file.

        Raises:
            RecordRefusedError: A record is refused that must not be.
            ExpectationFailedError: Rows do not meet an expectation that they must meet.
        """
        return self.conform_lines(data, split(data, size, starts, form), form)

    def conform_lines(self, data: NDArray[np.uint8], lines: Lines, form: TextForm = LINES) -> Conformed:
        """Records that have been found already; the rest as in `conform`."""
        return self._conformed(TextRecords(data, lines), self._decoded(data, lines, form))

    def conform_rows(self, batch: pa.RecordBatch) -> Conformed:
        """The rows of a file whose format says which types its columns have; the rest as in `conform`."""
        return self._conformed(*self._row_decoder.of_batch(batch))

    def conform_copies(self, data: NDArray[np.uint8], lines: Lines, schema: pa.Schema) -> Conformed:
        """Rows of a file of that schema, out of copies of them; what those do not tell is refused.

        The rest as in `conform_lines`.
        """
        return self._conformed(TextRecords(data, lines), self._row_decoder.restored(data, lines, schema))

    @cached_property
    def _row_decoder(self) -> RowDecoder:
        from transforms.rows import RowDecoder  # not at the top: see there

        return RowDecoder(self._contract, self._max_nesting, self._max_record_bytes)

    def _decoded(self, data: NDArray[np.uint8], lines: Lines, form: TextForm) -> Iterator[Decoded]:
        match form.kind:
            case "ndjson":
                return self._decoder.decode(data, lines.offsets)
            case "json":
                return self._decoder.decode(as_lines(data, lines), lines.offsets)
            case "csv":
                return self._cells.decode(data, form, lines)

    def _conformed(self, records: Records, decoded: Iterator[Decoded]) -> Conformed:
        return Conformed(list(self._chunks(records, decoded)), records.line_counts)

    def _chunks(self, records: Records, pieces: Iterator[Decoded]) -> Iterator[Chunk]:
        first = 0
        for decoded in pieces:
            past = first + len(decoded.verdicts)
            yield self._chunk(records.between(first, past), decoded)
            first = past

    def _chunk(self, records: Records, decoded: Decoded) -> Chunk:
        self._check_refusals(decoded, records)
        frame = self._frame(records, decoded)
        counts = np.zeros((len(records.line_counts), FIRST_EXPECTATION + len(self.rules)), np.int64)
        counts[:, READ] = records.per_part()
        refused = np.flatnonzero(decoded.verdicts)
        causes = decoded.verdicts[refused].astype(np.int64) << 32 | decoded.nodes[refused]
        if len(refused):
            frame = _rows_where(decoded.verdicts == 0, frame)
        if self.rules:
            accepted = np.flatnonzero(decoded.verdicts == 0)
            frame, unmet = self._judge(frame, accepted, records.parts[accepted], counts)
            refused = np.concatenate([refused, *(at for _, at in unmet)])
            numbers = [np.full(len(at), _RULE << 32 | number, np.int64) for number, at in unmet]
            causes = np.concatenate([causes, *numbers])
        if not len(refused):
            return Chunk(frame, None, counts)
        copies = records.copies(refused)
        counts[:, QUARANTINED] = np.bincount(copies.parts, minlength=len(counts))
        return Chunk(frame, Refused(copies, causes, self._explain), counts)

    def _frame(self, records: Records, decoded: Decoded) -> pl.DataFrame:
        columns, names = decoded.columns.flatten(), [field.name for field in decoded.columns.type]
        if self._rescues:
            columns, names = [*columns, decoded.rescued], [*names, RESCUED]
        frame = pl.DataFrame(pa.RecordBatch.from_arrays(columns, names))
        if self._positions:
            frame = frame.with_columns(
                pl.Series(PART, records.parts), pl.Series(LINE, records.lines).cast(pl.Int64)
            )
        return frame

    def _check_refusals(self, decoded: Decoded, records: Records) -> None:
        verdicts = decoded.verdicts
        fatal = verdicts == UNKNOWN_FIELD
        if self._contract.on_mismatch == "fail":
            fatal |= (verdicts >= MISSING_REQUIRED) & (verdicts < UNKNOWN_FIELD)
        if fatal.any():
            first = int(np.argmax(fatal))
            reason = self._decoder.reason(int(verdicts[first]))
            option = "on_new_column" if verdicts[first] == UNKNOWN_FIELD else "on_mismatch"
            error = RecordRefusedError(
                "a record does not fit the contract, and the pipeline says that the batch fails then",
                where=self._decoder.column(int(decoded.nodes[first])),
                got=f"{reason} in {int(fatal.sum())} records of one block",
                next_step=f"set {option} to rescue, or correct the contract",
            )
            error.part, error.line = int(records.parts[first]), int(records.lines[first])
            raise error

    def _explain(self, cause: int) -> tuple[str, str | None]:
        verdict, node = cause >> 32, cause & 0xFFFFFFFF
        if verdict == _RULE:
            return self.rules[node].reason, self.rules[node].column
        return self._decoder.reason(verdict), self._decoder.column(node)

    def _judge(
        self,
        frame: pl.DataFrame,
        records: NDArray[np.int64],
        parts: NDArray[np.int32],
        counts: NDArray[np.int64],
    ) -> tuple[pl.DataFrame, list[tuple[int, NDArray[np.int64]]]]:
        """The rows that may go on, and for each rule that quarantines, by number, the records it refuses.

        Args:
            records: The number of each row of `frame` in the chunk, and `parts`, the part it belongs to.
        """
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
                quarantined.append((number, records[unmet]))
        return (frame if alive.all() else _rows_where(alive, frame)), quarantined


def conformed_schema(pipeline: Pipeline, *, positions: bool = False) -> pl.Schema:
    """The columns of accepted rows, as `Chunk.accepted` has them."""
    fields = [(column.name, arrow_type(column.type)) for column in pipeline.contract.columns]
    # `empty_table` would make arrays out of nothing, for which pyarrow imports pandas, where it is installed
    schema = pl.DataFrame(pa.Table.from_batches([], pa.schema(fields))).schema
    if pipeline.contract.rescues:
        schema[RESCUED] = pl.String()
    if positions:
        schema[PART], schema[LINE] = pl.Int32(), pl.Int64()
    return schema


def _rows_where(wanted: NDArray[np.bool_], frame: pl.DataFrame) -> pl.DataFrame:
    """A column after the other: as a query, it would wait for a pool whose cores are busy here."""
    mask = pl.Series(wanted)
    return pl.DataFrame([column.filter(mask) for column in frame.get_columns()])

"""Rows of typed files as conforming takes them: records, and what became of them under the contract.

Loaded only where such files come: Arrow's functions take 40 ms to import.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from config.pipeline import Contract
from transforms.decode.decoder import Decoded
from transforms.decode.kernel.codes import MALFORMED
from transforms.decode.lines import Lines
from transforms.decode.typed.copies import copies
from transforms.decode.typed.copy_sizes import copy_sizes
from transforms.decode.typed.decoder import TypedDecoder
from transforms.decode.typed.restored import restored
from transforms.records import NOWHERE, Copies


class RowDecoder:
    """Decodes rows under one contract; safe to use from several threads at once.

    Args:
        max_bytes: Copies of rows that are longer are not kept; None for no such limit.
    """

    def __init__(self, contract: Contract, max_nesting: int, max_bytes: int | None) -> None:
        self._typed = TypedDecoder(contract, max_nesting)
        self._max_nesting, self._max_bytes = max_nesting, max_bytes

    def of_batch(self, batch: pa.RecordBatch) -> tuple[RowRecords, Iterator[Decoded]]:
        """The rows of a batch as records, and all of them decoded."""
        records = RowRecords(batch, 0, batch.num_rows, self._max_bytes)
        return records, iter([self._typed.decode(batch)])

    def restored(self, data: NDArray[np.uint8], lines: Lines, schema: pa.Schema) -> Iterator[Decoded]:
        """Rows of a file of that schema, out of copies of them; what those do not tell is refused."""
        for batch, exact in restored(schema, data, lines.offsets, self._max_nesting):
            decoded = self._typed.decode(batch)
            verdicts = np.where(exact, decoded.verdicts, np.uint8(MALFORMED))
            yield replace(decoded, verdicts=verdicts, nodes=np.where(exact, decoded.nodes, np.int32(0)))


@dataclass(frozen=True)
class RowRecords:
    """The rows of a batch from number `first` on, as many as `size`; all of one file.

    Copies of more than `max_bytes` are null; None for no such limit.
    """

    batch: pa.RecordBatch
    first: int
    size: int
    max_bytes: int | None = None

    @property
    def parts(self) -> NDArray[np.int32]:
        """See `Records`."""
        return np.zeros(self.size, np.int32)

    @property
    def lines(self) -> NDArray[np.int32]:
        """See `Records`."""
        return np.arange(self.first, self.first + self.size, dtype=np.int32)

    @property
    def line_counts(self) -> NDArray[np.int64]:
        """See `Records`."""
        return np.array([self.batch.num_rows], np.int64)

    def between(self, first: int, past: int) -> RowRecords:
        """See `Records`."""
        return RowRecords(self.batch, self.first + first, past - first, self.max_bytes)

    def per_part(self) -> NDArray[np.int64]:
        """See `Records`."""
        return np.array([self.size], np.int64)

    def copies(self, records: NDArray[np.int64]) -> Copies:
        """See `Records`."""
        nowhere = np.full(len(records), NOWHERE, np.int64)
        return Copies(self.parts[records], self.lines[records], nowhere, self._texts(records + self.first))

    def _texts(self, rows: NDArray[np.int64]) -> pa.Array:
        if self.max_bytes is None:
            return copies(self.batch, rows)
        short = copy_sizes(self.batch)[rows] <= self.max_bytes  # others are not even written
        text = copies(self.batch, rows[short])
        fits = pc.less_equal(pc.binary_length(text), self.max_bytes)
        short[short] = fits.to_numpy(zero_copy_only=False)
        if short.all():
            return text
        nothing = pa.nulls(len(rows), text.type)
        return pc.replace_with_mask(nothing, pa.array(short), text.filter(fits))

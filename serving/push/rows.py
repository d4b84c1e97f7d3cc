"""The rows of one push as they come: each record batch is checked, counted, and cut into pieces."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from config.units import format_bytes
from serving.errors import AbandonedError, LimitError
from serving.push.errors import PushError, UnfinishedError
from serving.push.request import COMPLETE
from serving.security.limits import Limits
from storage.reading.typed.batches import pieces
from storage.reading.typed.slots import slots_of
from transforms.decode.typed.copy_sizes import copy_sizes

_MIB: Final = 2**20
RECORD_BATCHES: Final = 100_000
"""In which one push may come."""
RECORD_BATCH_BYTES: Final = 128 * _MIB
"""Of each of them, as it comes."""
_VALUES: Final = RECORD_BATCH_BYTES // 8
"""In each of them: nulls, and what runs stand for, take no bytes until they are looked at."""
ROW_BYTES: Final = 16 * _MIB
"""Of each row."""
_KEPT_BYTES: Final = 128 * _MIB
_TRIM: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)
_PIECE_BYTES: Final = 4 * _MIB
"""What readers take at once, or a little more."""


class Incoming:
    """The record batches of one push.

    Attributes:
        rows: That came so far.
        bytes: Theirs: of Arrow in memory, or written out where they share texts, whichever is more.
    """

    def __init__(self, reader: Any, limits: Limits, count: Callable[[int], None]) -> None:
        self._reader, self._limits, self._count = reader, limits, count
        self._ends_s = time.monotonic() + limits.push_time.total_seconds()
        self._is_complete = False
        self._kept = 0
        self.rows = 0
        self.bytes = 0

    def pieces(self) -> Iterator[pa.RecordBatch]:
        """All rows, validated, some MiB at a time.

        Raises:
            PushError: A batch is damaged.
            LimitError: It is too large, or they are, or the time is over.
            AbandonedError: The client has gone.
        """
        for number, batch in enumerate(self._batches()):
            if number >= RECORD_BATCHES:
                raise _too_much("record batches", number + 1, RECORD_BATCHES)
            self._admit(batch)
            try:
                yield from pieces(batch, _PIECE_BYTES, ROW_BYTES)
            except MemoryError:
                raise _too_much("bytes in a row", "more", format_bytes(ROW_BYTES)) from None

    def check_complete(self) -> None:
        """Nothing, where the client has said that these are all.

        Raises:
            UnfinishedError: It has not.
        """
        if not self._is_complete:
            raise UnfinishedError(
                "the push ended before it was complete; nothing is stored",
                got=f"{self.rows} rows",
                expected="the message `complete` behind the last rows",
                next_step='call writer.write_metadata(b"complete") before writer.done_writing()',
            )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                chunk = self._reader.read_chunk()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise AbandonedError("the client has gone, or sent what is no Arrow") from error
            self._check_time()
            mark = chunk.app_metadata
            self._is_complete = mark is not None and mark.to_pybytes() == COMPLETE  # and nothing behind it
            if chunk.data is not None:
                yield chunk.data

    def _check_time(self) -> None:
        if time.monotonic() > self._ends_s:
            raise LimitError(
                "the push took too long; nothing is stored",
                expected=f"all rows within {self._limits.push_time.total_seconds():g} s (push_time)",
                next_step="push it in parts, each with an id of its own, or have the limit raised",
            )

    def _admit(self, batch: pa.RecordBatch) -> None:
        size = batch.get_total_buffer_size()
        if size > RECORD_BATCH_BYTES:
            raise _too_much("bytes in one record batch", size, format_bytes(RECORD_BATCH_BYTES))
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid as error:
            raise PushError("a record batch is damaged", got=error, expected="valid Arrow") from error
        if (slots := slots_of(batch)) > _VALUES:
            raise _too_much("values in one record batch", slots, _VALUES)
        size = max(batch.nbytes, int(copy_sizes(batch).sum()))
        self._count(size)
        self._let_go(size)
        self.rows += batch.num_rows
        self.bytes += size
        if self.rows > self._limits.push_rows:
            raise _too_much("rows (push_rows)", self.rows, self._limits.push_rows)
        if self.bytes > self._limits.push_bytes:
            raise _too_much("bytes (push_bytes)", self.bytes, format_bytes(self._limits.push_bytes))

    def _let_go(self, size: int) -> None:
        """Buffers of gRPC are freed by other threads than they are made by, and glibc keeps them."""
        self._kept += size
        if self._kept >= _KEPT_BYTES and _TRIM is not None:
            self._kept = 0
            _TRIM(0)


def _too_much(what: str, got: object, most: object) -> LimitError:
    return LimitError(
        f"the push has too many {what}; nothing is stored",
        got=got,
        expected=f"at most {most}",
        next_step="push it in parts, each with an id of its own",
    )

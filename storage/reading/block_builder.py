"""Cuts the contents of files, one after the other, into blocks of whole records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from config.text_form import LINES, TextForm
from storage.reading.block_buffer import BlockBuffer
from storage.reading.framing import Breach, Framing, LineFraming
from storage.reading.streams.stream import StreamDamage

DamageReason = StreamDamage | Breach | Literal["record_too_long"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LEAST_BLOCK_BYTES = 16
_LINES = LineFraming()


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of one file that lies in a block; it reaches to the next segment, or to the block's end.

    Attributes:
        file: Position of the file in the batch, from 0.
        start: Where the part begins in the block, in bytes.
        offset: Where it begins in the contents of the file, in bytes: decompressed, and in UTF-8.
    """

    file: int
    start: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Whole records of one or more files, all of one form.

    Attributes:
        data: The bytes; writable, owned by whoever got the block, longer than `size` by at least 64 bytes,
            the first 64 of which are zero.
        size: How many bytes of `data` are records; never 0.
        segments: In order; the first one starts at 0. Where a file ends, a newline does too.
        form: What a splitter must know to tell the records from each other.
    """

    data: NDArray[np.uint8]
    size: int
    segments: tuple[Segment, ...]
    form: TextForm = LINES


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a file that cannot be read as a record.

    In a file of rows with types of their own (Parquet, Arrow IPC, Avro) they are those from where nothing was
    read to the end of the file; all of the file where nobody can tell where that is, although rows of it may
    have been read, and `data` is empty then.

    Attributes:
        file: Position of the file in the batch, from 0.
        offset: Where they begin in the contents, in bytes; as of a `Segment`.
        length: How many there are (where the file is damaged: how many could be read), without a newline.
        reason: `record_too_long`, or what is wrong with the file as a whole.
        data: The bytes, verbatim; empty where there are none, or too many to be kept.
    """

    file: int
    offset: int
    length: int
    reason: DamageReason
    data: bytes


class BlockBuilder:
    """Takes files as bytes written into `room()`; gives out blocks, and damages in their turn.

    For each file: `begin_file`, then `room` and `filled` in turns, then `end_file`; in the end `finish`.

    Args:
        block_bytes: Size of a block, at least 16.
        max_record_bytes: The longest record without its newline, at least `block_bytes`.
    """

    def __init__(self, *, block_bytes: int, max_record_bytes: int) -> None:
        self._block_bytes = max(block_bytes, _LEAST_BLOCK_BYTES)
        self._max_record_bytes = max(max_record_bytes, self._block_bytes)
        self._buffer = BlockBuffer(self._block_bytes)
        self._form = LINES  # of what is in the buffer
        self._segments: list[Segment] = []
        self._damages: list[Damage] = []
        self._skipped_bytes = 0  # of the record that is being passed over, 0 outside of one

    def begin_file(self, file: int, framing: Framing = _LINES) -> None:
        """What comes next belongs to `file`."""
        self._file, self._start, self._offset = file, self._buffer.size, 0
        self._framing, self._at_mark, self._at_head = framing, True, True
        self._seen = self._records_end = self._start  # by the framing, and the end that it found

    def room(self) -> memoryview:
        """Where the next bytes of the file go; never empty."""
        return self._buffer.room()

    def filled(self, size: int) -> Iterator[Block | Damage]:
        """The next `size` bytes of the file are in what `room` gave."""
        self._buffer.size += size
        if self._at_head:
            yield from self._open(ended=False)
        if self._skipped_bytes:
            yield from self._skip()
        elif self._buffer.is_full:
            yield from self._make_room()

    def end_file(self, damage: StreamDamage | None) -> Iterator[Block | Damage]:
        """The file has ended, before its time where there is a `damage`."""
        if self._at_head and self._buffer.size > self._start:
            yield from self._open(ended=True)
        end = self._find_end()
        reason = damage or self._framing.breach()
        if self._skipped_bytes:
            self._damages.append(self._damage(self._skipped_bytes, reason or "record_too_long"))
            self._skipped_bytes = 0
        elif reason:
            self._set_rest_aside(end, reason)
        self._buffer.end_record()
        self._end_segment(self._buffer.size)
        if self._buffer.is_full or not self._buffer.size or self._damage_bytes() > self._block_bytes:
            yield from self._emit(self._buffer.size)

    def finish(self) -> Iterator[Block | Damage]:
        """No file follows."""
        yield from self._emit(self._buffer.size)

    def _open(self, *, ended: bool) -> Iterator[Block | Damage]:
        """Gets past the head of the file, where it is known how it goes on."""
        if self._at_mark:
            self._skip_byte_order_mark()
        if self._at_mark and not ended:
            return
        opening = self._framing.open(self._buffer.data, self._start, self._buffer.size, ended=ended)
        if opening:
            self._framing, length = opening
            self._buffer.remove(self._start, length)
            self._offset += length
            yield from self._begin_records()

    def _begin_records(self) -> Iterator[Block | Damage]:
        """The head is behind us; records of another form than those before begin another block."""
        self._at_head = False
        if self._framing.form != self._form:
            yield from self._emit(self._start)
            self._form = self._framing.form

    def _skip_byte_order_mark(self) -> None:
        head = self._buffer.copy(self._start, self._start + len(_BYTE_ORDER_MARK))
        if head == _BYTE_ORDER_MARK:
            self._buffer.remove(self._start, len(head))
            self._offset = len(head)
        self._at_mark = head != _BYTE_ORDER_MARK and _BYTE_ORDER_MARK.startswith(head)

    def _make_room(self) -> Iterator[Block | Damage]:
        end = self._find_end()
        if end:
            yield from self._emit(end)
        elif self._buffer.capacity <= self._max_record_bytes:
            self._buffer = self._buffer.rest(0, self._longest(2 * self._buffer.capacity))
        elif self._at_head:
            self._framing = self._framing.refuse_head()
            yield from self._begin_records()
            yield from self._make_room()
        else:
            self._skipped_bytes = self._buffer.size
            self._buffer, self._seen = BlockBuffer(self._block_bytes), 0

    def _find_end(self) -> int:
        """Where the last whole record in the buffer ends; 0 where there is none."""
        if not self._at_head and self._seen < self._buffer.size:
            found = self._framing.last_end(self._buffer.data, self._seen, self._buffer.size)
            self._records_end = found or self._records_end
            self._seen = self._buffer.size
        return self._records_end

    def _skip(self) -> Iterator[Damage]:
        """Passes over a record that is too long; it began at `_offset`, and the block is empty."""
        end = self._framing.first_end(self._buffer.data, 0, self._buffer.size)
        if not end:
            self._skipped_bytes += self._buffer.size
            self._buffer.size = 0
            return
        past = self._skipped_bytes + end
        yield self._damage(past - self._framing.terminator_bytes, "record_too_long")
        self._offset += past
        self._buffer.remove(0, end)
        self._skipped_bytes = 0

    def _set_rest_aside(self, end: int, reason: DamageReason) -> None:
        self._end_segment(end)
        rest = self._buffer.copy(end, self._buffer.size)
        self._damages.append(self._damage(len(rest), reason, rest))
        self._buffer.size = end

    def _damage(self, length: int, reason: DamageReason, data: bytes = b"") -> Damage:
        return Damage(self._file, self._offset, length, reason, data)

    def _damage_bytes(self) -> int:
        return sum(len(damage.data) for damage in self._damages)

    def _emit(self, end: int) -> Iterator[Block | Damage]:
        """The first `end` bytes as a block, and the damages that waited for it."""
        if end:
            yield self._take_block(end)
        yield from self._damages
        self._damages = []

    def _take_block(self, end: int) -> Block:
        self._end_segment(end)
        full, rest = self._buffer, self._buffer.size - end
        self._buffer = full.rest(end, self._longest(max(self._block_bytes, 2 * rest)))
        block = Block(full.sealed(end), end, tuple(self._segments), self._form)
        self._segments, self._start = [], 0
        self._seen, self._records_end = max(self._seen - end, 0), 0
        return block

    def _end_segment(self, end: int) -> None:
        """The file's part of the block reaches to `end`; what follows is its next part."""
        if end > self._start:
            self._segments.append(Segment(self._file, self._start, self._offset))
            self._offset += end - self._start
            self._start = end

    def _longest(self, capacity: int) -> int:
        """As much of `capacity` as is needed to tell a record that is too long from one that is not."""
        return min(capacity, self._max_record_bytes + 1)

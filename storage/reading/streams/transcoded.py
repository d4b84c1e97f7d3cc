"""The contents of a file in UTF-8, whatever encoding they are stored in."""

from __future__ import annotations

import codecs
from typing import Any

from storage.reading.streams.stream import Stream, StreamDamage

_INPUT_BYTES = 64 * 1024
_UTF_8 = ("utf-8", "utf-8-sig")
_MARK_ERRORS = "penstock-mark"
_FIRST_MARK = 0xDC00


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Each byte that is no text becomes half of a surrogate pair, U+DC00 and its value: no text either."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_FIRST_MARK + byte) for byte in wrong), error.end


codecs.register_error(_MARK_ERRORS, _mark)


def transcoded(stream: Stream, encoding: str) -> Stream:
    """The same contents in UTF-8; `encoding` is the name of a text codec of Python."""
    is_utf_8 = encoding in _UTF_8 or codecs.lookup(encoding).name in _UTF_8
    return stream if is_utf_8 else TranscodingStream(stream, encoding)


class TranscodingStream:
    """Puts a text into UTF-8.

    Bytes that are no text in the encoding become three bytes each that are no text in UTF-8 either: they are
    refused like those of a file in UTF-8, and nothing takes their place. So does everything from where the
    encoding as a whole cannot be told, as in UTF-16 without a byte order mark.
    """

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder(encoding)(_MARK_ERRORS)
        self._input = bytearray(_INPUT_BYTES)
        self._output = memoryview(b"")
        self._ended = False

    @property
    def damage(self) -> StreamDamage | None:
        """That of the stream."""
        return self._stream.damage

    def readinto(self, target: memoryview) -> int:
        """Fills the head of `target` with what comes next; see `Stream`."""
        while not self._output and not self._ended:
            self._fill()
        size = min(len(target), len(self._output))
        target[:size] = self._output[:size]
        self._output = self._output[size:]
        return size

    def _fill(self) -> None:
        size = self._stream.readinto(memoryview(self._input))
        self._ended = size == 0
        text = self._decoded(bytes(self._input[:size]))
        self._output = memoryview(text.encode("utf-8", "surrogatepass"))

    def _decoded(self, data: bytes) -> str:
        waiting, _ = self._decoder.getstate()
        try:
            return self._decoder.decode(data, final=self._ended)
        except UnicodeError:
            self._decoder = _NoText()
            return self._decoder.decode(waiting + data, final=self._ended)


class _NoText(codecs.IncrementalDecoder):
    """Marks every byte."""

    def decode(self, data: Any, final: bool = False) -> str:
        return "".join(chr(_FIRST_MARK + byte) for byte in data)

"""A file of the local disk or of a bucket, as a descriptor that another process can be given."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final, Literal

from config.formats import delimiter_of, format_of
from config.settings import Settings
from pipelines.errors import InspectionError
from pipelines.inspection.child import Request
from pipelines.inspection.document import Inspection
from pipelines.inspection.untrusted import inspect_untrusted
from storage.reading.raw_files import open_raw_files
from storage.reading.streams.compression import decompressed, is_compressed
from storage.reading.streams.stream import Stream
from storage.reading.typed.contents import contents

SAMPLE_BYTES: Final = 16 * 2**20
"""Of text files, decompressed."""

_HEAD_BYTES: Final = 8
_Form = Literal["parquet", "ipc", "ndjson", "csv"]
_MAGIC: Final[dict[bytes, _Form]] = {b"PAR1": "parquet", b"ARROW1": "ipc", b"\xff\xff\xff\xff": "ipc"}


def inspect_file(path: str, size: int, settings: Settings) -> Inspection:
    """The document about one file; objects, and what is compressed, are copied to a temporary file first.

    Args:
        path: Full.
        size: In bytes, as stored.
        settings: Bound the memory of the reader, and what a compressed file may be unpacked to.

    Raises:
        InspectionError: Its format is not known, or it cannot be read.
        StorageError: The store does not give it.
    """
    with _opened(path, size, settings) as raw:
        head = _read(decompressed(raw, name=path), _HEAD_BYTES)
    form = _form(path, head)
    text = form in ("ndjson", "csv")
    with _opened(path, size, settings) as raw, (_sample if text else _whole)(raw, path, settings) as found:
        descriptor, is_whole = found
        request = Request(descriptor, form, delimiter_of(path), is_whole, settings.memory_bytes)
        document = inspect_untrusted(request, path)
    if is_compressed(path):
        document["facts"]["compressed"] = f"as a whole, to {size:,} bytes"
    document["bytes"] = size
    return document


@contextmanager
def _opened(path: str, size: int, settings: Settings) -> Iterator[io.RawIOBase]:
    with closing(open_raw_files([path], [size], None, window_bytes=settings.block_bytes)) as files:
        yield next(files)


def _form(path: str, head: bytes) -> _Form:
    """By the first bytes, else by the name."""
    if magic := next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None):
        return magic
    named = format_of(path)
    if named == "avro" or head.startswith(b"Obj\x01"):
        raise _unknown(path, "Avro", "take it in, and inspect the table")
    if named == "json" or (named == "json or ndjson" and head.lstrip().startswith(b"[")):
        raise _unknown(path, "a JSON document", "take it in, and inspect the table")
    return "ndjson" if named == "json or ndjson" else named


def _unknown(path: str, got: str, next_step: str) -> InspectionError:
    return InspectionError(
        "files of this format cannot be inspected",
        where=path,
        got=got,
        expected="Parquet, Arrow IPC, NDJSON or CSV",
        next_step=next_step,
    )


@contextmanager
def _whole(raw: io.RawIOBase, path: str, settings: Settings) -> Iterator[tuple[int, bool]]:
    with contents(raw, path, "auto", max_bytes=settings.max_unpacked_bytes) as found:
        if found.damage:
            _refuse_damage(path, found.damage)
        yield found.descriptor, True


@contextmanager
def _sample(raw: io.RawIOBase, path: str, _settings: Settings) -> Iterator[tuple[int, bool]]:
    """The first whole lines, in a temporary file."""
    stream = decompressed(raw, name=path)
    data = _read(stream, SAMPLE_BYTES + 1)
    if stream.damage:
        _refuse_damage(path, stream.damage)
    is_whole = len(data) <= SAMPLE_BYTES
    lines = data if is_whole else data[: data.rfind(b"\n", 0, SAMPLE_BYTES) + 1]
    if not lines.strip():
        what = "the file holds no line" if is_whole else "the first line is longer than what is looked at"
        raise InspectionError(what, where=path, expected=f"a line in the first {SAMPLE_BYTES:,} bytes")
    with tempfile.TemporaryFile(buffering=0) as copy:
        copy.write(lines)
        yield copy.fileno(), is_whole


def _read(stream: Stream, most: int) -> bytes:
    found, room = bytearray(), memoryview(bytearray(min(most, 2**20)))
    while len(found) < most and (size := stream.readinto(room[: most - len(found)])):
        found += room[:size]
    return bytes(found)


def _refuse_damage(path: str, damage: str) -> None:
    raise InspectionError("the compressed file cannot be unpacked", where=path, got=damage.replace("_", " "))

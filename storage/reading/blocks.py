"""The bytes of a batch as blocks of whole records, decompressed: the first stage of the hot path.

files ──► raw bytes ──► decompressed ──► in UTF-8 ──► blocks of whole records ──► read ahead by a thread
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from storage.reading.block_builder import Block, BlockBuilder, Damage, DamageReason, Segment
from storage.reading.framing import Framing, LineFraming
from storage.reading.raw_files import open_raw_files
from storage.reading.read_ahead import read_ahead
from storage.reading.streams.compression import Compression, decompressed
from storage.reading.streams.stream import Stream
from storage.reading.streams.transcoded import transcoded
from storage.upstream import translated

__all__ = ["Block", "Damage", "DamageReason", "Segment", "read_blocks"]

_BLOCKS_AHEAD = 2
_LINES = LineFraming()


def _lines(_path: str) -> Framing:
    return _LINES


def _utf_8(_path: str) -> str:
    return "utf-8"


def read_blocks(
    paths: Sequence[str],
    sizes: Sequence[int],
    *,
    identities: Sequence[str] | None = None,
    compression: Compression = "auto",
    block_bytes: int,
    max_record_bytes: int,
    first_position: int = 0,
    framing: Callable[[str], Framing] = _lines,
    encoding: Callable[[str], str] = _utf_8,
) -> Generator[Block | Damage]:
    """Reads files in order, as blocks that hold whole records only.

    Where a record ends, its `framing` says; what is between records, such as blank lines, is left to whoever
    splits the block. Small files of one form share a block, each file's part ending with a newline, which is
    added where a file has none at its end. A byte order mark at the head of a file is skipped, and so is what
    the framing takes out there. Files without contents leave no trace.

    A truncated or corrupt file gives every whole record that can be decompressed, then one `Damage` with the
    rest, and so does one whose framing finds a breach; the other files go on. What a corrupt gzip member gave
    out before its checksum failed may be wrong: nobody can know that earlier. A record of more than
    `max(max_record_bytes, block_bytes)` bytes is passed over and reported. Damages come after the block with
    the records before them.

    Lazy: reads up to two blocks ahead, in a thread that ends with the iterator; close the iterator where it
    is not read to its end. Three blocks are alive at most: one in use, one ready, one being filled.

    Args:
        paths: Full paths as `list_landing` gives them, all local or all `s3://`.
        sizes: Their sizes in the store, in bytes.
        identities: Theirs as `list_landing` gives them; a file that has another one by now is refused.
        compression: Of all files; `auto` goes by the suffix of each.
        block_bytes: Size of a block; a longer record makes its block grow.
        max_record_bytes: The longest record that is read, without its newline.
        first_position: Of the first file in its batch.
        framing: That of the file at a path, a new one for each; by default a record is a line.
        encoding: Of the file at a path. What is not UTF-8 is put into it: then positions in the file are
            positions in that text.

    Raises:
        FileVanishedError: A file is not there any more.
        FileChangedError: A file is not what it was when it was listed.
        AccessDeniedError: A file may not be read.
        UnavailableError: The store did not answer; retryable.
    """
    files = open_raw_files(paths, sizes, identities, window_bytes=block_bytes)
    builder = BlockBuilder(block_bytes=block_bytes, max_record_bytes=max(max_record_bytes, block_bytes))

    def opened() -> Generator[tuple[str, Stream]]:
        with closing(files):
            for raw, path in zip(files, paths, strict=True):
                stream = decompressed(raw, name=path, compression=compression)
                yield path, transcoded(stream, encoding(path))

    return read_ahead(_blocks(opened(), first_position, builder, framing), items=_BLOCKS_AHEAD)


def _blocks(
    streams: Generator[tuple[str, Stream]],
    first_position: int,
    builder: BlockBuilder,
    framing: Callable[[str], Framing],
) -> Generator[Block | Damage]:
    with closing(streams):
        for position, (path, stream) in enumerate(streams, first_position):
            builder.begin_file(position, framing(path))
            with translated("read the file", path):
                while size := stream.readinto(builder.room()):
                    yield from builder.filled(size)
            yield from builder.end_file(stream.damage)
        yield from builder.finish()

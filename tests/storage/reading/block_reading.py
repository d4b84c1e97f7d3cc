"""What the tests of blocks share: reading files to the end, and telling what came out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from storage.reading.blocks import Block, Damage, read_blocks

Records = dict[int, list[tuple[int, bytes]]]
"""For each file: offset and bytes of each line, without its newline."""


def read(
    paths: Sequence[str],
    *,
    sizes: Sequence[int] | None = None,
    identities: Sequence[str] | None = None,
    block_bytes: int = 1 << 16,
    max_record_bytes: int = 1 << 20,
) -> list[Block | Damage]:
    """All blocks and damages, in order; `sizes` are those of local files where they are not given."""
    found = read_blocks(
        paths,
        sizes or [Path(path).stat().st_size for path in paths],
        identities=identities,
        block_bytes=block_bytes,
        max_record_bytes=max_record_bytes,
    )
    return list(found)


def records(items: Iterable[Block | Damage]) -> Records:
    """The records of all blocks by file; checks on the way that each block keeps its promises."""
    found: Records = {}
    for block in (item for item in items if isinstance(item, Block)):
        assert block.size > 0
        assert block.data.flags.writeable
        assert len(block.data) >= block.size + 64
        assert not block.data[block.size : block.size + 64].any()
        starts = [segment.start for segment in block.segments]
        assert starts[0] == 0
        assert starts == sorted(set(starts))
        for segment, end in zip(block.segments, [*starts[1:], block.size], strict=True):
            part = block.data[segment.start : end].tobytes()
            assert part.endswith(b"\n")
            offset = segment.offset
            for line in part[:-1].split(b"\n"):
                found.setdefault(segment.file, []).append((offset, line))
                offset += len(line) + 1
    return found


def lines(items: Iterable[Block | Damage], file: int = 0) -> list[bytes]:
    """The records of one file."""
    return [line for _, line in records(items).get(file, [])]


def damages(items: Iterable[Block | Damage]) -> list[Damage]:
    """The damages, in order."""
    return [item for item in items if isinstance(item, Damage)]

"""Rows that stand for no more than can be written: a small file may hold one long text for all its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from storage.reading.block_builder import Damage
from storage.reading.rows import Rows
from transforms.decode.typed.copy_sizes import copy_sizes, parts


def bounded(items: Iterable[Rows | Damage], *, part_bytes: int, most_bytes: int) -> Iterator[Rows | Damage]:
    """The same rows, as many together as come to `part_bytes` written out, or a single one.

    Where those of one batch would come to more than `most_bytes`, the file ends before them: one damage
    stands for what is left, whose bytes nobody knows.
    """
    ended = -1
    for item in items:
        if item.file == ended:
            continue
        if isinstance(item, Damage):
            yield item
            continue
        sizes = copy_sizes(item.batch)
        if sizes.sum() > most_bytes:
            ended = item.file
            yield Damage(item.file, 0, item.batch.nbytes, "too_large_unpacked", b"")
            continue
        for first, count in parts(sizes, part_bytes):
            yield Rows(item.file, item.first + first, item.batch.slice(first, count))

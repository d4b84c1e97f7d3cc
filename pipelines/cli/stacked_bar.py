"""What a whole is made of, as one line of characters that look different, for terminals and pipes alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MARKS: Final = ("·", "░", "▒", "▓", "█")


def stacked_bar(parts: Sequence[int], width: int) -> str:
    """One mark of `MARKS` for each part, repeated by its share; a part that is there has one at least.

    Empty where all parts are 0. `width` is no less than the number of parts.
    """
    total = sum(parts)
    if not total:
        return ""
    least = [1 if part else 0 for part in parts]
    room = width - sum(least)
    shares = [part * room / total for part in parts]
    cells = [one + int(share) for one, share in zip(least, shares, strict=True)]
    by_rest = sorted(range(len(parts)), key=lambda number: int(shares[number]) - shares[number])
    for number in by_rest[: width - sum(cells)]:
        cells[number] += 1
    return "".join(mark * count for mark, count in zip(MARKS, cells, strict=True))

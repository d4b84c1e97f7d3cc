"""What became of the records of a batch, file by file: both sides of the conservation law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.conform import DROPPED, FIRST_EXPECTATION, QUARANTINED, READ


class Tally:
    """Counts for each file of a batch; columns as in `transforms.conform`, and the duplicates by key."""

    def __init__(self, files: int, expectations: Sequence[str]) -> None:
        self._outcomes: NDArray[np.int64] = np.zeros((files, FIRST_EXPECTATION + len(expectations)), np.int64)
        self._duplicates: NDArray[np.int64] = np.zeros(files, np.int64)
        self._expectations = tuple(expectations)

    def add(self, files: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
        """Adds the counts of a chunk, whose row i belongs to file `files[i]`."""
        np.add.at(self._outcomes, files, counts)

    def add_damage(self, file: int) -> None:
        """Adds what could not be read of a file, which counts as one record, and as quarantined."""
        self._outcomes[file, [READ, QUARANTINED]] += 1

    def set_distinct(self, distinct: NDArray[np.int64]) -> None:
        """Notes how many rows of each file were left when duplicates by key had gone."""
        self._duplicates = self.accepted() - distinct

    def accepted(self) -> NDArray[np.int64]:
        """For each file, the rows that went on to duplicates and transforms."""
        return self._outcomes[:, READ] - self._outcomes[:, QUARANTINED] - self._outcomes[:, DROPPED]

    def counts(self) -> FileCounts:
        """The result."""
        unmet = (
            self._outcomes[:, FIRST_EXPECTATION:].sum(axis=0).tolist()
        )  # row objects allowed: one number an expectation
        return FileCounts(
            read=_numbers(self._outcomes[:, READ]),
            quarantined=_numbers(self._outcomes[:, QUARANTINED]),
            dropped=_numbers(self._outcomes[:, DROPPED]),
            duplicates=_numbers(self._duplicates),
            unmet={name: count for name, count in zip(self._expectations, unmet, strict=True) if count},
        )


def _numbers(column: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(column.tolist())  # row objects allowed: one number a file


@dataclass(frozen=True)
class FileCounts:
    """Records by file, in the order of the ledger: `read = accepted + quarantined + dropped + duplicates`.

    unmet: for each expectation that was not met by all, the rows that did not meet it, in the whole batch.
    """

    read: tuple[int, ...]
    quarantined: tuple[int, ...]
    dropped: tuple[int, ...]
    duplicates: tuple[int, ...]
    unmet: Mapping[str, int]

    def accepted(self) -> int:
        """Rows of the whole batch that reached the first transform."""
        return sum(self.read) - sum(self.quarantined) - sum(self.dropped) - sum(self.duplicates)

    def as_metadata(self) -> dict[str, Any]:
        """The same as JSON values, for a commit."""
        return {
            "read": self.read,
            "quarantined": self.quarantined,
            "dropped": self.dropped,
            "duplicates": self.duplicates,
            "unmet": dict(self.unmet),
        }

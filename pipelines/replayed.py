"""What becomes of records out of the quarantine: they are taken in, and marked, or stay where they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from storage.tables.quarantine.commit import QuarantineWriter, reason_counts


@dataclass
class Replayed:
    """Counts for a batch that replays; called by whoever draws its rows, in one thread at a time.

    Attributes:
        quarantine: Gets the markers.
        files: Of the batch: columns file, path, replays.
        still_refused: Records that were refused again, by reason.
        numbers: For each file, the sum of the numbers of the records that were taken in.
    """

    quarantine: QuarantineWriter
    files: pl.DataFrame
    still_refused: Counter[str] = field(default_factory=Counter)
    numbers: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = np.zeros(self.files.height, np.int64)

    def refuse(self, records: pl.DataFrame) -> None:
        """Takes rows with a `reason`."""
        self.still_refused.update(reason_counts(records))

    def take_in(self, places: pl.DataFrame) -> None:
        """Takes rows of MARKER_SCHEMA."""
        self.quarantine.take_in(places)
        sums = (
            places.group_by("replays", "path").agg(pl.sum("record")).join(self.files, on=["replays", "path"])
        )
        np.add.at(self.numbers, sums["file"].to_numpy(), sums["record"].to_numpy())

"""A table as DataFusion sees it: a pyarrow dataset that gives fewer files for a condition."""

from __future__ import annotations

from typing import Any

import pyarrow.dataset as ds


class PrunedDataset(ds.FileSystemDataset):  # type: ignore[misc] # pyarrow has no types
    """One pinned version of a table.

    DataFusion asks for the fragments that may hold rows of a condition, and reads those one by one.

    Args:
        dataset: As `TableReader.dataset` gives it.
        part: Which share of its files, from 0.
        parts: Of how many shares.
    """

    def __init__(self, dataset: Any, part: int = 0, parts: int = 1) -> None:
        super().__init__(list(dataset.get_fragments()), dataset.schema, dataset.format, dataset.filesystem)
        self._part, self._parts = part, parts

    def get_fragments(self, filter: Any = None) -> Any:
        """The fragments of this share that may hold rows that meet `filter`."""
        fragments = list(super().get_fragments(filter))
        return iter(fragments[self._part :: self._parts])

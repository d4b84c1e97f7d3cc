"""The tables of the pipelines, followed commit by commit; several pipelines may write to one."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from pipelines.metrics.totals import Totals
from storage.tables.delta import last_batch, open_table
from storage.tables.log.batches import is_newest, read_batches
from storage.tables.log.versions import TableSize, size_of


@dataclass(frozen=True, slots=True)
class TableState:
    """A table, and what one pipeline did to it.

    Attributes:
        last_batch: The newest committed batch of the pipeline; 0 where there is none.
        version: None where there is no table yet, as is `size`.
        totals: Of the batches whose commits the log had when it was read.
    """

    last_batch: int
    version: int | None
    size: TableSize | None
    totals: Totals

    @property
    def batches(self) -> int:
        """Committed ones, those included whose commits are gone: they are numbered from 1."""
        return max(self.last_batch, self.totals.newest)


class FollowedTable:
    """A table whose log is read once, and then what comes; from any thread.

    Holds the sums only. Nothing but a table that is made anew under its name begins them again: commits that
    are taken out of the log after they were read stay counted.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._looking = Lock()
        self._last: dict[str, int] = {}
        self._forget()

    def look(self, pipeline: str) -> TableState:
        """What there is now; nothing is read where nothing has changed.

        Raises:
            StorageError: The table cannot be read; what was read before the error stays counted.
        """
        with self._looking:
            known = pipeline in self._last
            if not known or self._version is None or not is_newest(self._uri, self._version):
                self._last.setdefault(pipeline, 0)
                self._read()
            totals = self._totals.get(pipeline, Totals())
            return TableState(self._last[pipeline], self._version, self._size, totals.copy())

    def _forget(self) -> None:
        self._id: str | None = None
        self._version: int | None = None
        self._size: TableSize | None = None
        self._next = 0
        self._totals: dict[str, Totals] = {}

    def _read(self) -> None:
        table = open_table(self._uri)
        if table is None or str(table.metadata().id) != self._id:
            self._forget()
        if table is None:
            self._last = dict.fromkeys(self._last, 0)
            return
        self._id = str(table.metadata().id)
        newest = int(table.version())
        for version, batch in read_batches(self._uri, self._next, newest):
            if batch is not None:
                self._totals.setdefault(batch.app_id, Totals()).add(batch)
            self._next = version + 1
        self._last = {name: last_batch(table, name) for name in self._last}
        self._size, self._version = size_of(table), newest

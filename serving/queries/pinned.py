"""The tables of one query, each at the version that the query saw first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from datafusion.catalog import SchemaProvider, Table

from config.errors import PenstockError
from serving.catalog import Catalog, unknown_table
from serving.queries.pruned import PrunedDataset

AT: Final = "@"
Allowed = Callable[[str], bool]


class PinnedTables(SchemaProvider):
    """What DataFusion asks for tables by name: `events`, or `events@3` for version 3.

    Args:
        catalog: Where they are.
        allowed: Whether the client may read a table.
        versions: At which the tables were pinned before, by name; gets those that are pinned now.
        part: Which share of the files of a table, from 0, of `parts`.
        readers: How many read one table at the same time.
    """

    def __init__(
        self,
        catalog: Catalog,
        allowed: Allowed,
        versions: dict[str, int],
        part: int = 0,
        parts: int = 1,
        *,
        readers: int,
    ) -> None:
        self.versions = versions
        self.problem: PenstockError | None = None
        self._catalog, self._allowed = catalog, allowed
        self._part, self._parts = part, parts
        self._readers = readers
        self._datasets: dict[str, PrunedDataset] = {}
        self._tables: dict[str, Table] = {}

    # A property and a list, whatever DataFusion's stub says: its native code asks for these.
    @property
    def table_names(self) -> list[str]:  # type: ignore[override]
        """Those that the client may read."""
        return [name for name in self._catalog.names() if self._allowed(name)]

    def table_exist(self, name: str) -> bool:
        """Whether it may be asked for."""
        return name.partition(AT)[0] in self.table_names

    def table(self, name: str) -> Table | None:
        """The table, opened once; `problem` keeps what went wrong, since DataFusion words it its own way."""
        try:
            if name not in self._tables:
                self._tables[name] = self._opened(name)
            return self._tables[name]
        except PenstockError as error:
            self.problem = error
            return None

    def narrow(self, asked: str, condition: Any) -> None:
        """Reads no more of a table than `condition` leaves, a `datafusion.Expr`."""
        if dataset := self._datasets.get(asked):
            dataset.narrow(condition)

    def _opened(self, asked: str) -> Table:
        name, at_sign, at = asked.partition(AT)
        if not self._allowed(name):
            raise unknown_table(name)
        version = self.versions.get(asked)
        if version is None and at_sign and at.isdecimal():
            version = int(at)
        moment = _moment(name, at) if version is None and at_sign else None
        reader = self._catalog.open(name, version, moment)
        self.versions[asked] = reader.version
        dataset = PrunedDataset(reader, self._readers, self._part, self._parts)
        self._datasets[asked] = dataset
        return Table(dataset)


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise unknown_table(name, text) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""The tables of one query, each at the version that the query saw first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import polars as pl
from datafusion import DataFrame, SessionContext, functions, lit
from datafusion.catalog import SchemaProvider, Table

from config.errors import PenstockError
from serving.catalog import Catalog, Opened, unknown_table
from serving.errors import StatementError
from serving.queries.conditions import FENCE, SCAN, as_polars
from serving.queries.pruned import PrunedDataset
from storage.errors import NotFoundError, TableError

AT: Final = "@"
_ALWAYS: Final = functions.random() >= lit(0.0)
"""A condition that all rows meet, and of which no optimizer can know."""
Allowed = Callable[[str], bool]


class Pin(NamedTuple):
    """Which table a name meant: its version, and `identity`, as `Opened` has it."""

    version: int
    identity: str


class PinnedTables(SchemaProvider):
    """What DataFusion asks for tables by name: `events`, or `events@3` for version 3.

    Args:
        catalog: Where they are.
        allowed: Whether the client may read a table.
        pins: What names meant before; the others are pinned as they are asked for.
        part: Which share of the files of a table, from 0, of `parts`.
        readers: How many read one table at the same time.

    Attributes:
        pins: What all names mean that were asked for.
        problem: What went wrong first, in our words.
    """

    def __init__(
        self,
        catalog: Catalog,
        allowed: Allowed,
        pins: Mapping[str, Pin],
        part: int = 0,
        parts: int = 1,
        *,
        readers: int,
    ) -> None:
        self.pins = dict(pins)
        self.problem: PenstockError | None = None
        # A value, as `table_names` is: DataFusion shows clients what it finds here.
        self.owner_name = None  # type: ignore[method-assign, assignment]
        self._catalog, self._allowed = catalog, allowed
        self._part, self._parts = part, parts
        self._readers = readers
        self._datasets: dict[str, PrunedDataset] = {}
        self._frames: dict[str, DataFrame] = {}
        self._tables: dict[str, Table] = {}
        self._scans = SessionContext()

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
                self._frames[name] = self._opened(name)
                self._tables[name] = self._frames[name].into_view()
            return self._tables[name]
        except PenstockError as error:
            self.problem = error
            return None

    def narrow(self, asked: Mapping[str, list[list[Any]]]) -> None:
        """Reads no more of the tables than `conditions` found."""
        for scan in asked.keys() & self._datasets:
            dataset = self._datasets[scan]
            dataset.narrow(as_polars(asked[scan], dataset.table_schema))

    def let_sorts_spill(self) -> None:
        """Has the statement planned again, with a condition above each fence.

        DataFusion takes a fence right below a sort for the LIMIT of that sort, which keeps all in memory.
        """
        for dataset in self._datasets.values():
            dataset.let_go()
        self._tables = {name: frame.filter(_ALWAYS).into_view() for name, frame in self._frames.items()}

    def count(self) -> int:
        """How many tables the query names, versions of one as well."""
        return len(self._datasets)

    def batches(self, columns: list[str], batch_rows: int) -> Generator[Any]:
        """The rows of the one table that is read, those of its share, as `pyarrow.RecordBatch`es."""
        (dataset,) = self._datasets.values()
        return dataset.batches(columns, batch_rows)

    def files(self) -> pl.DataFrame:
        """The files of the one table that is read, those that may hold what is asked for."""
        (dataset,) = self._datasets.values()
        return dataset.files

    def _opened(self, asked: str) -> DataFrame:
        name = asked.partition(AT)[0]
        if not self._allowed(name):
            raise unknown_table(name)
        reader, identity = self._found(asked)
        if not reader.is_plain():
            raise StatementError(
                "the table uses features of Delta that this server cannot read",
                got=asked,
                expected="a table without deletion vectors and column mapping, with its files in its folder",
            )
        self.pins[asked] = Pin(reader.version, identity)
        told = self._failed(asked)
        return self._scanned(
            PrunedDataset(reader, self._readers, told, self._part, self._parts, self._catalog.cache)
        )

    def _found(self, asked: str) -> Opened:
        name, at_sign, at = asked.partition(AT)
        pin = self.pins.get(asked)
        if pin is not None:
            opened = self._catalog.open_pinned(name, pin.version, pin.identity)
            if opened is None:
                raise _gone(asked)
            return opened
        if at_sign and at.isdecimal() and at.isascii():
            return self._catalog.open(name, int(at))
        return self._catalog.open(name, at=_moment(name, at) if at_sign else None)

    def _scanned(self, dataset: PrunedDataset) -> DataFrame:
        """The table behind a fence, under a name that `conditions` finds again."""
        name = f"{SCAN}{len(self._datasets)}"
        self._datasets[name] = dataset
        return self._scans.read_table(Table(dataset)).alias(name).limit(FENCE)

    def _failed(self, asked: str) -> Callable[[Exception], PenstockError]:
        def told(error: Exception) -> PenstockError:
            if isinstance(error, NotFoundError):
                error = _gone(asked)
            elif not isinstance(error, PenstockError):  # of pyarrow, with the path of a file
                error = TableError("a table cannot be read", where=asked, got=error)
            self.problem = self.problem or error
            return error

        return told


def _gone(asked: str) -> StatementError:
    return StatementError(
        "files of this version of the table are gone",
        got=asked,
        expected="a version that vacuum has left",
        next_step="ask again, of the newest version",
    )


def _moment(name: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise unknown_table(name, text) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

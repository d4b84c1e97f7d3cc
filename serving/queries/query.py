"""A statement, planned and streamed."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from datafusion import RuntimeEnvBuilder, SessionConfig, SessionContext, SQLOptions

from config.errors import PenstockError
from serving.catalog import Catalog
from serving.errors import StatementError
from serving.queries.conditions import conditions, is_fence, names_columns, sorts
from serving.queries.drawing import drawn
from serving.queries.names import in_engine_names
from serving.queries.parameters import parameter_schema, values_of
from serving.queries.pinned import Allowed, Pin, PinnedTables
from serving.security.functions import take_out

# Of DataFusion, which starts them with its first query: some are held by reads that wait for a store, or by a
# join that was cancelled and computes on to the end of a batch, and the others are to go on.
os.environ.setdefault("TOKIO_WORKER_THREADS", f"{max(16, 4 * (os.cpu_count() or 1))}")

CATALOG: Final = "penstock"
SCHEMA: Final = "public"
_READ_ONLY: Final = SQLOptions().with_allow_ddl(False).with_allow_dml(False).with_allow_statements(False)
_BATCH_ROWS: Final = 65_536
# Where rows are sorted, which needs room for a few batches of each run that was spilled.
_SORTED_BATCH_ROWS: Final = 8_192
_LEAST_SORT_BYTES: Final = 2**26
# Of one row each, whatever else they do: their rows may be made file by file.
_ROW_WISE: Final = {"Projection", "Filter", "TableScan", "SubqueryAlias"}
# What may tell of the files of the server: of spilled rows, of libraries below.
_OF_THE_SERVER: Final = re.compile(r"External error: (?!regex)|IO error|Object Store|Internal error|^$", re.I)
_LOG: Final = logging.getLogger(__name__)
_NOT_ERRORS: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)


@dataclass(frozen=True)
class Statement:
    """What a client asks.

    Attributes:
        sql: As the client wrote it.
        parameters: One row with the values of `$1`, `$2` …; None without any.
        pins: What the names of its tables mean; the others are pinned when it is planned.
        part: Which share of the answer, from 0.
        parts: Of how many shares.
    """

    sql: str
    parameters: Any = None
    pins: Mapping[str, Pin] = field(default_factory=dict)
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Planned:
    """A statement that can be run.

    Attributes:
        schema: A `pyarrow.Schema`: the columns of the answer.
        pins: What the names of its tables mean, all of them.
    """

    schema: Any
    pins: Mapping[str, Pin]
    _frame: Any
    _plan: Any
    _tables: PinnedTables

    def is_row_wise(self) -> bool:
        """Whether each row of the answer is made of one row of one table, so that it can be had in parts."""
        is_one = self._tables.count() == self._plan.display_indent().count("TableScan: ") == 1
        return is_one and self._kinds() <= _ROW_WISE

    def sorts(self) -> bool:
        """Whether rows are sorted, all of them, for the answer or on the way to it."""
        return sorts(self._plan)

    def narrow(self) -> None:
        """Has no more read than the statement asks for; before it is run."""
        self._tables.narrow(conditions(self._plan))

    def rows(self) -> int | None:
        """How many the answer has, where the log tells for certain."""
        if not self.is_row_wise() or "Filter" in self._kinds():
            return None
        counts = self._tables.files()["rows"]
        return None if counts.has_nulls() else int(counts.sum())

    def parameters(self) -> Any:
        """A `pyarrow.Schema`: those that the statement still asks for; null where the type is not known."""
        return parameter_schema(self._frame.logical_plan())

    def file_bytes(self) -> tuple[int, int]:
        """Of an answer that is row-wise: how many files may hold its rows, and of how many bytes together."""
        files = self._tables.files()
        return files.height, int(files["size"].sum())

    def batches(self, check: Callable[[], None] = lambda: None) -> Generator[Any]:
        """The answer as `pyarrow.RecordBatch`es; runs as it is drawn, and stops where it is closed.

        Args:
            check: Is called all the time; what it raises ends the query, and is raised.

        Raises:
            StatementError: A value cannot be computed.
            StorageError: A table cannot be read.
        """
        try:
            direct = self._as_they_are(check) if self._is_plain() else drawn(self._frame, check)
            with closing(direct):
                for batch in direct:
                    if batch.num_rows:
                        yield _declared(batch, self.schema)
        except _NOT_ERRORS:
            raise
        except BaseException as error:  # a panic of the engine is no Exception
            raise _failed(error, self._tables) from error

    def _is_plain(self) -> bool:
        """Whether the answer is columns of one table as they are: the engine has nothing to do."""
        return self.is_row_wise() and names_columns(self._plan)

    def _as_they_are(self, check: Callable[[], None]) -> Generator[Any]:
        with closing(self._tables.batches(self.schema.names, _BATCH_ROWS)) as batches:
            for batch in batches:
                check()
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    def _kinds(self) -> set[str]:
        kinds, waiting = set(), [self._plan]
        while waiting:
            node = waiting.pop()
            if not is_fence(node):
                kinds.add(type(node.to_variant()).__name__)
            waiting += node.inputs()
        return kinds


class Engine:
    """Plans statements over the tables of a catalog.

    Args:
        catalog: Where tables are.
        memory_bytes: What sorts, joins and aggregates of one statement may take before they spill to disk.
        threads: How many a statement may use.
    """

    def __init__(self, catalog: Catalog, *, memory_bytes: int, threads: int) -> None:
        self.catalog = catalog
        self.threads = threads
        self._memory_bytes = memory_bytes

    def plan(self, statement: Statement, allowed: Allowed) -> Planned:
        """Plans it over the newest versions, or those that it names; reads logs, no data.

        Raises:
            StatementError: It is no query, or does not fit the tables.
            UnknownTableError: It names a table that is not there, or that the client may not read.
            StorageError: A table cannot be read.
        """
        readers = max(1, self.threads // statement.parts)  # a client may fetch all parts at the same time
        tables = PinnedTables(
            self.catalog, allowed, statement.pins, statement.part, statement.parts, readers=readers
        )
        try:
            planned = self._planned(statement, tables, self._session(tables, _BATCH_ROWS, self.threads))
            if planned.sorts():
                tables.let_sorts_spill()
                # They share the memory in equal parts, with all that stands between them.
                threads = max(1, min(self.threads, self._memory_bytes // _LEAST_SORT_BYTES))
                sorting = self._session(tables, _SORTED_BATCH_ROWS, threads)
                planned = self._planned(statement, tables, sorting)
            planned.narrow()
            tables.problem = None  # of a name that turned out to be a function's
            return planned
        except _NOT_ERRORS:
            raise
        except BaseException as error:  # a panic of the engine is no Exception
            raise _failed(error, tables) from error

    def _planned(self, statement: Statement, tables: PinnedTables, session: SessionContext) -> Planned:
        frame = session.sql(
            in_engine_names(statement.sql),
            options=_READ_ONLY,
            param_values=values_of(statement.parameters),
        )
        return Planned(frame.schema(), tables.pins, frame, frame.optimized_logical_plan(), tables)

    def _session(self, tables: PinnedTables, batch_rows: int, threads: int) -> SessionContext:
        config = (
            SessionConfig()
            .with_create_default_catalog_and_schema(enabled=True)
            .with_default_catalog_and_schema(CATALOG, SCHEMA)
            .with_information_schema(enabled=True)
            .with_target_partitions(threads)
            .with_batch_size(batch_rows)
            # One sort has all of the memory. A part of it is kept to merge with, where the columns of a row
            # are written out as one key; with less, such sorts failed, with more, two sorts side by side.
            .with_repartition_sorts(False)
            .set(
                "datafusion.execution.sort_spill_reservation_bytes", f"{self._memory_bytes // (3 * threads)}"
            )
            # Fields of structs are to stand in conditions as such.
            .set("datafusion.optimizer.enable_leaf_expression_pushdown", "false")
            # Clients in other languages know text, and not all of them views of text.
            .set("datafusion.optimizer.expand_views_at_output", "true")
        )
        runtime = RuntimeEnvBuilder().with_disk_manager_os().with_fair_spill_pool(self._memory_bytes)
        session = SessionContext(config, runtime)
        take_out(session)
        session.catalog(CATALOG).register_schema(SCHEMA, tables)
        return session


def _declared(batch: Any, schema: Any) -> Any:
    """The batch with the schema that was told: constants come as columns without nulls where nulls may be."""
    if batch.schema.equals(schema):
        return batch
    columns = [one.cast(field.type) for one, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _failed(error: BaseException, tables: PinnedTables) -> PenstockError:
    """What went wrong, in our words where we know it, else in DataFusion's."""
    if isinstance(error, PenstockError):
        return error
    if tables.problem is not None:
        return tables.problem
    text = re.sub(r"^(Exception: )?(DataFusion error: )?", "", str(error).partition("\n")[0])
    shown = type(error).__name__ if _OF_THE_SERVER.search(text) else text[:500]
    if shown != text:
        _LOG.warning("a statement failed", exc_info=error)
    return StatementError("the statement cannot be run", got=shown)

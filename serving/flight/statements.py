"""Statements: planned for GetFlightInfo, run for DoGet."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.flight as flight

from serving.errors import ProtocolError
from serving.flight.plans import Plans
from serving.flight.running import Running
from serving.flight.tickets import Tickets
from serving.flight.told import told
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack, unpack
from serving.queries.query import Engine, Planned, Statement
from serving.security.client import Client
from serving.security.gate import REQUESTS, client_of
from serving.security.shape import check_shape
from serving.security.turns import Turns, check_size

_LARGE_BYTES: Final = 2**26
"""Of files: a scan of more is handed out in parts."""


class Statements:
    """Answers statements by an engine, as many at once as may be."""

    def __init__(self, engine: Engine, turns: Turns, planning: Turns) -> None:
        self._engine, self._turns, self._planning = engine, turns, planning
        self._tickets, self._plans = Tickets(), Plans()
        self.running = Running()

    def schema(self, context: Any, statement: Statement) -> Any:
        """The `pyarrow.Schema` of the answer."""
        return self._plan(context, statement).schema

    def prepared(self, context: Any, statement: Statement) -> tuple[Any, Any]:
        """The schema of the answer, and that of the parameters."""
        planned = self._plan(context, statement)
        return planned.schema, planned.parameters()

    def info(self, context: Any, descriptor: Any, statement: Statement) -> Any:
        """A `FlightInfo`, with a ticket for each part of the answer; the tables are pinned with it."""
        planned = self._plan(context, statement)
        client = client_of(context)
        pinned = replace(statement, pins=planned.pins, parts=self._parts(planned, client))
        name, tickets = self._tickets.make(pinned, client.name)
        if pinned.parts == 1:
            self._plans.keep(name, client, planned)
        packed = [pack(messages.TicketStatementQuery(statement_handle=one)) for one in tickets]
        rows = planned.rows()
        return flight.FlightInfo(
            planned.schema,
            descriptor,
            [flight.FlightEndpoint(one, []) for one in packed],
            -1 if rows is None else rows,
            -1,
        )

    def of_ticket(self, context: Any, handle: bytes) -> Any:
        """The rows of a ticket, as a stream for DoGet."""
        client = client_of(context)
        name, statement = self._tickets.read(handle, client.name)
        return self._stream(context, self._plans.take(name, client) or self._plan(context, statement), name)

    def stream(self, context: Any, statement: Statement) -> Any:
        """The rows of a statement without a ticket, as a stream for DoGet; nothing names it to cancel it."""
        return self._stream(context, self._plan(context, statement), "")

    def cancel(self, context: Any, info: bytes) -> bool:
        """Ends the statement of a `FlightInfo`; whether it was running.

        Raises:
            ProtocolError: The server did not give that to this client.
        """
        try:
            endpoints = flight.FlightInfo.deserialize(info).endpoints
        except (pa.ArrowException, ValueError) as error:
            raise ProtocolError("no FlightInfo", expected="one that GetFlightInfo gave") from error
        commands = [unpack(one.ticket.ticket) for one in endpoints]
        handles = [one.statement_handle for one in commands if isinstance(one, messages.TicketStatementQuery)]
        names = {self._tickets.read(handle, client_of(context).name)[0] for handle in handles}
        return sum(map(self.running.cancel, names)) > 0

    def _plan(self, context: Any, statement: Statement) -> Planned:
        client = client_of(context)
        check_size("statement_bytes", len(statement.sql.encode()), client.limits.statement_bytes)
        check_shape(statement.sql)
        with self._planning.take(client):
            planned = self._engine.plan(statement, client.may_read)
        name = hashlib.sha256(statement.sql.encode()).hexdigest()[:12]
        REQUESTS.info(
            "%s statement %s of %s", client.name or "anybody", name, ", ".join(planned.pins) or "no table"
        )
        return planned

    def _parts(self, planned: Planned, client: Client) -> int:
        if not planned.is_row_wise():
            return 1
        files, size = planned.file_bytes()
        return max(1, min(files, self._engine.threads, client.limits.endpoints)) if size > _LARGE_BYTES else 1

    def _stream(self, context: Any, planned: Planned, name: str) -> Any:
        """Runs as the client takes the rows; `name` is that of the ticket."""
        return flight.GeneratorStream(planned.schema, self._drawn(context, planned, name))

    def _drawn(self, context: Any, planned: Planned, name: str) -> Generator[Any]:
        client = client_of(context)
        within_s = client.limits.statement_time.total_seconds()
        try:
            with (
                self.running.run(name, context, within_s) as check,
                self._turns.take(client, check) as turn,
                closing(planned.batches(check)) as batches,
            ):
                for batch in batches:
                    turn.count(batch)
                    yield batch
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 (anything else would send its traceback)
            raise told(error) from None

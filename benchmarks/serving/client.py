"""One client that fetches all rows of an answer: `python -m benchmarks.serving.client KIND URI QUESTION`.

The question is SQL, of a service the path. It is a process of its own, so that its CPU time is its own, and
what it imports is not on its time. Each batch is let go when it has come. Prints rows, bytes (of Arrow's
buffers), streams, seconds from the question to the last batch, and CPU seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow.flight as flight

from benchmarks.serving.json_client import Counted, from_service, to_arrow, to_objects
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack


def plan(client: Any, sql: str) -> Any:
    """The `FlightInfo` of a statement."""
    command = pack(messages.CommandStatementQuery(query=sql))
    return client.get_flight_info(flight.FlightDescriptor.for_command(command))


def one_stream(uri: str, sql: str) -> Counted:
    """A plain Flight client: one endpoint after the other."""
    with flight.connect(uri) as client:
        endpoints = plan(client, sql).endpoints
        counted = [_count(chunk.data for chunk in client.do_get(one.ticket)) for one in endpoints]
    return _sum(counted)


def parallel(uri: str, sql: str) -> Counted:
    """A plain Flight client: all endpoints at the same time, each by a thread and a connection of its own."""
    with flight.connect(uri) as client:
        tickets = [one.ticket for one in plan(client, sql).endpoints]
    with ThreadPoolExecutor(len(tickets)) as threads:
        return _sum(list(threads.map(lambda ticket: _fetch(uri, ticket), tickets)))


def adbc(uri: str, sql: str) -> Counted:
    """ADBC, as programs use it; its driver fetches endpoints at the same time by itself."""
    with flight_sql.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows, size = _count(cursor.fetch_record_batch())
    return rows, size, 0


KINDS = {
    "flight": one_stream,
    "flight-parallel": parallel,
    "adbc": adbc,
    "json": to_arrow,
    "json-objects": to_objects,
    "json-service": from_service,
}


def _fetch(uri: str, ticket: Any) -> tuple[int, int]:
    with flight.connect(uri) as client:
        return _count(chunk.data for chunk in client.do_get(ticket))


def _count(batches: Iterable[Any]) -> tuple[int, int]:
    rows = size = 0
    for batch in batches:
        rows += batch.num_rows
        size += batch.nbytes
    return rows, size


def _sum(counted: list[tuple[int, int]]) -> Counted:
    return sum(one[0] for one in counted), sum(one[1] for one in counted), len(counted)


def main() -> None:
    """Fetches once."""
    kind, uri, question = sys.argv[1:]
    began, cpu_began = time.perf_counter(), time.process_time()
    rows, size, streams = KINDS[kind](uri, question)
    used = {"wall_s": time.perf_counter() - began, "client_cpu_s": time.process_time() - cpu_began}
    print(json.dumps({"rows": rows, "bytes": size, "streams": streams, **used}))


if __name__ == "__main__":
    main()

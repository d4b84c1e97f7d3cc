"""The least that a Flight server can do: `python -m benchmarks.serving.bare_server URI SQL`.

Fetches the answer to SQL from the server at URI, endpoint by endpoint, keeps its batches in memory, and then
sends these same batches, as many endpoints, to anybody who asks for anything. Prints `{"uri": …}`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from benchmarks.serving.client import plan
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import unpack


class BareServer(flight.FlightServerBase):  # type: ignore[misc] # pyarrow has no types
    """Sends batches from memory; native code draws them.

    Args:
        parts: Tables, one for each endpoint.
    """

    def __init__(self, parts: list[Any]) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._parts = parts

    def get_flight_info(self, _context: Any, descriptor: Any) -> Any:
        """All parts, whatever is asked for; nothing of the server itself, which ADBC asks for."""
        if not isinstance(unpack(descriptor.command), messages.CommandStatementQuery):
            raise flight.FlightUnimplementedError("only rows")
        endpoints = [flight.FlightEndpoint(str(number).encode(), []) for number in range(len(self._parts))]
        return flight.FlightInfo(self._parts[0].schema, descriptor, endpoints, -1, -1)

    def do_get(self, _context: Any, ticket: Any) -> Any:
        """One part."""
        part = self._parts[int(ticket.ticket)]
        return flight.RecordBatchStream(pa.RecordBatchReader.from_batches(part.schema, part.to_batches()))


def main() -> None:
    """Serves until it is ended."""
    uri, sql = sys.argv[1:]
    with flight.connect(uri) as client:
        parts = [client.do_get(one.ticket).read_all() for one in plan(client, sql).endpoints]
    with BareServer(parts) as server:
        print(json.dumps({"uri": f"grpc://127.0.0.1:{server.port}"}), flush=True)
        server.wait()


if __name__ == "__main__":
    main()

"""Rows as JSON over HTTP: `python -m benchmarks.serving.json_server URI SQL`.

Fetches the answer to SQL from the Flight server at URI and keeps it in memory, as Arrow. Each GET is answered
with all rows, a JSON object a line, written by Polars batch by batch as the client takes them. That it need
not read a table is in its favour. Prints `{"uri": …}`.
"""

from __future__ import annotations

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import polars as pl
import pyarrow.flight as flight

from benchmarks.serving.client import plan


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    batches: list[Any]

    def do_GET(self) -> None:
        """All rows, in a chunk a batch; or the schema, in Arrow's form, at `/schema`."""
        self.send_response(200)
        if self.path == "/schema":
            schema = self.batches[0].schema.serialize().to_pybytes()
            self.send_header("Content-Length", str(len(schema)))
            self.end_headers()
            self.wfile.write(schema)
            return
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for batch in self.batches:
            lines = io.BytesIO()
            pl.DataFrame(batch).write_ndjson(lines)
            self.wfile.write(f"{lines.tell():x}\r\n".encode())
            self.wfile.write(lines.getbuffer())
            self.wfile.write(b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def json_server(batches: list[Any]) -> ThreadingHTTPServer:
    """A server of these `pyarrow.RecordBatch`es on a free port."""
    return ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"batches": batches}))


def main() -> None:
    """Serves until it is ended."""
    uri, sql = sys.argv[1:]
    with flight.connect(uri) as client:
        endpoints = plan(client, sql).endpoints
        server = json_server([chunk.data for one in endpoints for chunk in client.do_get(one.ticket)])
    print(json.dumps({"uri": f"http://127.0.0.1:{server.server_address[1]}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

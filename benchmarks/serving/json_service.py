"""Rows as JSON as services usually send them: `python -m benchmarks.serving.json_service TABLE`.

FastAPI in one process of uvicorn. Each GET is answered with the rows of a day, at most `limit`, read from the
Delta table by Polars, which skips the other days, and turned to dictionaries; FastAPI has them written by
Pydantic, in native code, which is the fastest of what it offers. Prints `{"uri": …}`.
"""

from __future__ import annotations

import json
import socket
import sys
from datetime import date
from typing import Any, Final

import polars as pl
import uvicorn
from fastapi import FastAPI, Response

COLUMNS: Final = {
    "events": [pl.all()],
    "numbers": [
        pl.col("actor").struct.field("id").alias("actor_id"),
        pl.col("repo").struct.field("id"),
        pl.col("created_at"),
        pl.col("event_date"),
    ],
}


def service(table: str) -> FastAPI:
    """The service of the table at that place."""
    app = FastAPI()

    @app.get("/{columns}")
    def rows(columns: str, event_date: date, limit: int) -> list[dict[str, Any]]:
        asked = pl.scan_delta(table).filter(pl.col("event_date") == event_date).head(limit)
        return asked.select(COLUMNS[columns]).collect().to_dicts()

    @app.get("/{columns}/schema")
    def schema(columns: str) -> Response:
        none = pl.scan_delta(table).select(COLUMNS[columns]).head(0).collect()
        return Response(none.to_arrow().schema.serialize().to_pybytes())

    return app


def main() -> None:
    """Serves until it is ended."""
    listening = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"uri": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    config = uvicorn.Config(service(sys.argv[1]), log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

"""A stream in a thread, half way through when SIGINT comes; prints what becomes of it."""

from __future__ import annotations

import os
import signal
import sys
import threading

signal.signal(signal.SIGINT, lambda *_: None)

import polars as pl  # noqa: E402 (Polars leaves a handler alone that comes later)
from polars.io.plugins import register_io_source  # noqa: E402 (as above)

from storage.streaming import streamed  # noqa: E402 (as above)

_at_work, _go_on = threading.Event(), threading.Event()


def waiting(rows: pl.DataFrame) -> pl.DataFrame:
    """Lets the signal come while the rows are under way."""
    _at_work.set()
    _go_on.wait()
    return rows


def take() -> None:
    """Tells how many rows came, or that not all did."""
    frame = pl.DataFrame({"a": [1, 2, 3]})
    rows = register_io_source(lambda *_: iter([frame, frame]), schema=frame.schema)
    try:
        count = sum(one.height for one in streamed(rows.map_batches(waiting, streamable=True)))
        sys.stdout.write(f"{count} rows\n")
    except KeyboardInterrupt:
        sys.stdout.write("interrupted\n")


if __name__ == "__main__":
    taking = threading.Thread(target=take)
    taking.start()
    _at_work.wait()
    os.kill(os.getpid(), signal.SIGINT)
    _go_on.set()
    taking.join()
    sys.stdout.flush()
    os._exit(0)

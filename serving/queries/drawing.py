"""Draws the batches of a running query, so that it can be left at any time.

A query may compute for minutes before its first batch, and DataFusion's blocking calls cannot be interrupted.
Its asynchronous ones can: each batch is awaited by one thread of the process, and whoever asked looks up
every now and then. What is cancelled stops as soon as the query comes to one of its own stops.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from functools import cache
from typing import Any, Final

_LOOKS_UP_S: Final = 0.1


def drawn(frame: Any, check: Callable[[], None]) -> Generator[Any]:
    """The rows of a `datafusion.DataFrame` as `pyarrow.RecordBatch`es; runs as it is drawn.

    One batch is made ahead. Where it is closed, or `check` raises, the query stops.

    Args:
        frame: Not yet running.
        check: Is called before each batch, and again and again while one is waited for; raises what is to
            end the query.

    Raises:
        Exception: What DataFusion raises, panics too.
    """
    stream = frame.execute_stream().rbs  # itself: frames of its wrapper would keep it
    waiting = _begin(stream)
    try:
        while True:
            try:
                batch = _wait(waiting, check)
            except StopAsyncIteration:
                return
            waiting = _begin(stream)
            yield batch.to_pyarrow()
            del batch
    finally:
        waiting.cancel()
        del stream  # the query ends with it; as in `_next`


def _begin(stream: Any) -> Future[Any]:
    return asyncio.run_coroutine_threadsafe(_next(stream), _loop())


async def _next(stream: Any) -> Any:
    try:
        return await stream.__anext__()
    finally:
        del stream  # an error of this frame is kept for a while, and all that is in it


def _wait(waiting: Future[Any], check: Callable[[], None]) -> Any:
    while True:
        check()
        try:
            return waiting.result(_LOOKS_UP_S)
        except TimeoutError:
            if waiting.done():  # since then, or with an error of that name of its own
                return waiting.result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="penstock-queries", daemon=True).start()
    return loop

"""Work ahead of the consumer, in a thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(source: Generator[Item], *, items: int) -> Generator[Item]:
    """The items of `source`, in order, up to `items` of them made ahead in one thread; none of them is None.

    An error of `source` comes out here in its turn. Closing this generator waits for the item being made and
    closes `source`; nothing happens before the first item is asked for.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        made = deque(pool.submit(next, source, None) for _ in range(items))
        while (item := made.popleft().result()) is not None:
            made.append(pool.submit(next, source, None))
            yield item
            del item  # or it would live on while the next one is awaited
    finally:
        pool.shutdown(cancel_futures=True)
        source.close()

"""Many small requests at the same time, their answers in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_AT_ONCE = 8
"""Requests to an object store spend their time waiting; more of them only wait for one another."""


def ordered_map(function: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """`function` of each item, in the order of the items, up to 8 of them at the same time.

    Lazy: holds no more than 16 answers that nobody has asked for. What `function` raises comes out in its
    turn. Closing the iterator waits for the calls that have begun.
    """
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ordered-map")
    under_way: deque[Future[Answer]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= 2 * _AT_ONCE:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

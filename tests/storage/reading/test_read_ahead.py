"""Work ahead is bounded, in order, and over when the consumer is."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from storage.reading.read_ahead import read_ahead


def test_read_ahead_gives_all_items_in_order_from_one_other_thread() -> None:
    def source() -> Generator[tuple[int, str]]:
        for number in range(50):
            yield number, threading.current_thread().name

    found = list(read_ahead(source(), items=2))

    assert [number for number, _ in found] == list(range(50))
    assert {name for _, name in found} == {"read-ahead_0"}


def test_read_ahead_makes_no_more_than_it_may() -> None:
    made: list[int] = []

    def source() -> Generator[int]:
        for number in range(50):
            made.append(number)
            yield number

    items = read_ahead(source(), items=2)
    next(items)
    time.sleep(0.05)

    assert len(made) == 3
    items.close()


def test_read_ahead_raises_in_its_turn_and_closes_the_source() -> None:
    closed = threading.Event()

    def source() -> Generator[int]:
        try:
            yield 1
            raise ValueError("defect")
        finally:
            closed.set()

    items = read_ahead(source(), items=2)

    assert next(items) == 1
    with pytest.raises(ValueError, match="defect"):
        next(items)
    assert closed.is_set()


def test_read_ahead_closed_early_closes_the_source() -> None:
    closed = threading.Event()

    def source() -> Generator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = read_ahead(source(), items=2)
    next(items)
    items.close()

    assert closed.is_set()
    assert not any(thread.name.startswith("read-ahead") for thread in threading.enumerate())

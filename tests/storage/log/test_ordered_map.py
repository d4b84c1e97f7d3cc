"""Requests at the same time, answers in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import pytest

from storage.tables.log.ordered_map import ordered_map


def test_ordered_map_gives_answers_in_the_order_of_the_items() -> None:
    def late(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return number * number

    assert list(ordered_map(late, range(50))) == [number * number for number in range(50)]


def test_ordered_map_runs_several_at_once() -> None:
    together = threading.Barrier(8, timeout=10)

    assert len(list(ordered_map(lambda _: together.wait(), range(16)))) == 16


def test_ordered_map_takes_no_more_items_than_it_needs() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    assert list(islice(ordered_map(lambda number: number, items()), 3)) == [0, 1, 2]
    assert len(taken) <= 20


def test_ordered_map_raises_in_its_turn() -> None:
    answers = ordered_map(lambda number: 1 // number, [1, 1, 0, 1])

    assert [next(answers), next(answers)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_ordered_map_of_nothing_is_nothing() -> None:
    assert list(ordered_map(str, [])) == []

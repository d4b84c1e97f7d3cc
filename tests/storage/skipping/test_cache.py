"""What is kept in memory: bounded, whatever comes, and never another value than the one that was put."""

from __future__ import annotations

from threading import Lock

from hypothesis import given
from hypothesis import strategies as st

from storage.skipping.cache import Cache

MB = 10**6


def test_get_gives_what_was_put_last() -> None:
    cache = Cache(100 * MB)

    cache.put("a", "old", 10 * MB)
    cache.put("a", "new", 20 * MB)

    assert cache.get("a") == "new"
    assert cache.get("b") is None
    assert 20 * MB <= cache.bytes < 21 * MB


def test_put_of_more_than_fits_keeps_the_others() -> None:
    cache = Cache(100 * MB)
    cache.put("a", 1, 60 * MB)

    cache.put("b", 2, 101 * MB)

    assert cache.get("b") is None
    assert cache.get("a") == 1


def test_put_beyond_the_bound_drops_no_more_than_it_must() -> None:
    cache = Cache(100 * MB)

    for number in range(1000):
        cache.put(number, number, 10 * MB)

    assert 89 * MB < cache.bytes <= 100 * MB
    assert cache.get(999) == 999


def test_a_scan_of_more_than_fits_finds_a_part_of_it_again() -> None:
    cache = Cache(51 * MB)
    for _ in range(3):
        for number in range(100):
            cache.put(number, number, MB)

    assert sum(cache.get(number) is not None for number in range(100)) == 50
    assert sum(cache.get(number) is not None for number in range(50)) > 5


def test_put_of_nothing_counts_what_it_takes_to_keep_it() -> None:
    cache = Cache(MB)

    for number in range(10_000):
        cache.put(number, number, 0)

    assert sum(cache.get(number) is not None for number in range(10_000)) < 1_000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60 * MB))))
def test_put_of_anything_stays_within_the_bound(puts: list[tuple[int, int]]) -> None:
    cache, last = Cache(100 * MB), dict[int, int]()

    for key, size in puts:
        cache.put(key, (key, size), size)
        last[key] = size

    kept = {key: cache.get(key) for key in last if cache.get(key) is not None}
    assert all(value == (key, last[key]) for key, value in kept.items())
    assert sum(size for _, size in kept.values()) <= cache.bytes <= 100 * MB


def test_reading_is_one_lock_a_name_while_somebody_holds_it() -> None:
    cache = Cache(1)

    held = cache.reading("a")

    assert cache.reading("a") is held
    assert cache.reading("b") is not held
    assert isinstance(held, type(Lock()))

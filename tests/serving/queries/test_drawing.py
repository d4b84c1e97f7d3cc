"""Batches of a running query are waited for a little at a time."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from serving.queries import drawing


class _Late(Future[int]):
    """Done right after whoever waited has given up."""

    def result(self, timeout: float | None = None) -> int:
        try:
            return super().result(0 if timeout else None)
        except TimeoutError:
            self.set_result(7)
            raise


def test_batch_that_comes_just_when_a_wait_ends_is_taken() -> None:
    assert drawing._wait(_Late(), lambda: None) == 7


def test_error_of_the_query_that_is_a_timeout_is_raised() -> None:
    failed: Future[int] = Future()
    failed.set_exception(TimeoutError("of the store"))

    with pytest.raises(TimeoutError, match="of the store"):
        drawing._wait(failed, lambda: None)

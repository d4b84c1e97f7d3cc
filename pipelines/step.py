"""How the steps of a batch are done: here and now, unless a caller has a better way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

R = TypeVar("R")


class Step(Protocol):
    """Does what it is given, and hands on what that returns; a flow makes a task of it, which tries again.

    `what` is one word, such as `write`; `of` says the pipeline and the batch.
    """

    def __call__(self, what: str, of: str, do: Callable[[], R], /) -> R:
        """What `do` returns; errors as of it."""


def at_once(_what: str, _of: str, do: Callable[[], R]) -> R:
    """Does it."""
    return do()

"""Why a typed file cannot be read on, told by the readers in the child."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from storage.reading.streams.stream import StreamDamage

# How Arrow says that a file is shorter than it says it is.
_TRUNCATED = ("Expected to be able to read", "Unexpected end of stream", "was null or length 0")


class UnreadableError(Exception):
    """The file is damaged, or holds what cannot be read without changing it.

    Attributes:
        damage: Which of these it is.
        offset: Where the part begins of which no row was read, in bytes; None where that is not known.
    """

    def __init__(self, damage: StreamDamage, detail: str, *, offset: int | None = None) -> None:
        super().__init__(detail)
        self.damage = damage
        self.offset = offset


@contextmanager
def told() -> Iterator[None]:
    """What Arrow says of a file, inside, leaves as an `UnreadableError`; want of memory as it is."""
    try:
        yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, OverflowError) as error:
        raise UnreadableError(_damage(error), str(error)) from error


def _damage(error: Exception) -> StreamDamage:
    if isinstance(error, pa.ArrowNotImplementedError):
        return "unsupported_schema"
    return "truncated_file" if any(words in str(error) for words in _TRUNCATED) else "corrupt_file"

"""What a check found wrong, and the keys that lead there."""

from __future__ import annotations

from config.errors import InvalidValueError, SpecProblem

KeyPath = tuple[str | int, ...]
"""The keys and list positions from where the reading began: `("transforms", 0, "sql")`."""

Finding = tuple[KeyPath, InvalidValueError]
"""What is wrong, and where. A check returns all of them, so that a person mends a file in one go."""


def key_text(path: KeyPath) -> str:
    """`path` as people write it: `transforms[0].sql`; empty for the whole."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def to_problem(path: KeyPath, error: InvalidValueError, place: str = "") -> SpecProblem:
    """The problem that `error` tells, at `place` (file, line and column) and the key `path`."""
    key = key_text(path)
    return SpecProblem(
        what=error.what,
        where=", ".join(part for part in (place, key) if part),
        key=key,
        got=error.got,
        expected=error.expected,
        next_step=error.next_step,
    )

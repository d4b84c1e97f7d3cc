"""What a proof says where it does not hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where storage contradicts itself.

    batch, file: where; None where it is no single one.
    what: the thing that was counted or looked for.
    expected, found: its two values, `expected` being that of the side named in it, if any.
    """

    batch: int | None
    file: str | None
    what: str
    expected: str | int
    found: str | int

    def __str__(self) -> str:
        """One line for people."""
        place = "table" if self.batch is None else f"batch {self.batch}"
        place += f", {self.file}" if self.file else ""
        return f"{place}: {self.what}: expected {_shown(self.expected)}, found {_shown(self.found)}"


def _shown(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else value

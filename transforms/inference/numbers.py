"""What was seen in the numbers of one place of a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from transforms.inference.epochs import day_of_epoch, epoch_unit

MOST_DIGITS: Final = 38
"""Of a decimal."""
BEYOND_NUMBERS: Final = Decimal("inf")
"""Stands for a number literal that is beyond all doubles and all decimals."""


@dataclass(slots=True)
class Numbers:
    """Counts over numbers.

    Attributes:
        integers: How many were written as integers: neither with a fraction nor with an exponent.
        integral: How many were written otherwise, with a value that is integral: 1.0, 1e3.
        fractions: How many have a fraction that is not zero, or are so large that only doubles take them.
        low: The smallest of those that are integral; None where none is.
        high: The largest of them.
        finite: Whether all are within the range of doubles.
        units: What the integral ones would count if they counted since 1970; None among them where one
            could not.
        days: The days since 1970 that they would stand for.
    """

    integers: int = 0
    integral: int = 0
    fractions: int = 0
    low: int | None = None
    high: int | None = None
    finite: bool = True
    units: set[str | None] = field(default_factory=set)
    days: set[int] = field(default_factory=set)

    def see(self, value: int | Decimal) -> None:
        """Counts one number."""
        if isinstance(value, int):
            self.integers += 1
            self._see_integral(value)
        elif not math.isfinite(value):
            self.finite = False
        elif value != value.to_integral_value() or value.adjusted() >= MOST_DIGITS:
            self.fractions += 1
            self.finite = self.finite and math.isfinite(float(value))
        else:
            self.integral += 1
            self._see_integral(int(value))

    def within(self, low: int, high: int) -> bool:
        """Whether the integral ones are from `low` to `high`, both inclusive."""
        return (self.low is None or self.low >= low) and (self.high is None or self.high <= high)

    def _see_integral(self, value: int) -> None:
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)
        unit = epoch_unit(value)
        self.units.add(unit)
        if unit:
            self.days.add(day_of_epoch(value, unit))


def parse_integer(literal: str) -> int | Decimal:
    """The value of an integer literal; Python refuses to read those of some thousand digits."""
    return int(literal) if len(literal.lstrip("-")) <= MOST_DIGITS else BEYOND_NUMBERS


def parse_fraction(literal: str) -> Decimal:
    """The exact value of a number literal with a fraction or an exponent."""
    mantissa, _, exponent = literal.lower().partition("e")
    # An exponent that Decimal cannot hold is beyond doubles as well, or the number is as good as zero.
    if len(exponent.lstrip("+-").lstrip("0")) > 9:
        zero = not mantissa.strip("-.0")
        return Decimal(0) if zero else Decimal("1e-999") if exponent.startswith("-") else BEYOND_NUMBERS
    return Decimal(literal)

"""Shares, written as percentages."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator

from config.errors import InvalidValueError

_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) *%")


def _share(value: object) -> float:
    """A share of 1 from `5%`."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not 0 < float(match[1]) <= 100:
        raise InvalidValueError("not a percentage", got=repr(value), expected="more than 0%, up to 100%")
    return float(match[1]) / 100


def _percent(share: float) -> str:
    return f"{share * 100:.4f}".rstrip("0").rstrip(".") + "%"


Share = Annotated[float, PlainValidator(_share), PlainSerializer(_percent)]

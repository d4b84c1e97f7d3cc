"""JSON texts of a sample as Python values, as strictly as the decoder reads them."""

from __future__ import annotations

import json
from typing import NoReturn

from transforms.inference.numbers import parse_fraction, parse_integer


def parse_object(record: bytes) -> dict[str, object] | None:
    """The object that `record` is; None where the decoder would refuse it."""
    try:
        value = parse_value(record.decode("utf-8"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def parse_value(text: str) -> object:
    """The value of a JSON text, numbers exact: fractions as `Decimal`.

    Raises:
        ValueError: The decoder would refuse it.
    """
    try:
        # row objects allowed: the sample is bounded
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=parse_integer,
            parse_float=parse_fraction,
            parse_constant=_refuse,
        )
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key that is there twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")

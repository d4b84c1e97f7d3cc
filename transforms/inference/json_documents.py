"""The values that the beginning of a JSON document holds: of an array, or one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator

_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()  # row objects allowed: the sample is bounded


def split_document(data: bytes, *, whole: bool) -> Iterator[bytes]:
    """The texts of the values in order, to the first that is cut or broken; that too where `data` is `whole`.

    The elements where `data` begins with `[`; else values with nothing or white space between them.
    """
    text = data.decode("utf-8", "surrogateescape")
    at = _behind_space(text, 0)
    if inside := text.startswith("[", at):
        at += 1
    while end := _value_end(text, at := _behind_space(text, at)):
        yield text[at:end].encode("utf-8", "surrogateescape")
        at = _behind_space(text, end)
        if inside and not text.startswith(",", at):
            break
        at += inside
    rest = text[at:].rstrip(_SPACE)
    if whole and rest and not (inside and rest == "]"):
        yield rest.encode("utf-8", "surrogateescape")


def _value_end(text: str, at: int) -> int | None:
    try:
        return _DECODER.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return None


def _behind_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at

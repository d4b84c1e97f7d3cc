"""The values that the beginning of a JSON document holds: of an array, or one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator

_SPACE = " \t\r\n"


def split_document(data: bytes) -> Iterator[bytes]:
    """The texts of the values in order, up to the first that is cut or broken.

    The elements where `data` begins with `[`; else values with nothing or white space between them.
    """
    text = data.decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder()  # row objects allowed: the sample is bounded
    at = _behind_space(text, 0)
    if inside := text.startswith("[", at):
        at += 1
    while (at := _behind_space(text, at)) < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield text[at:end].encode("utf-8", "surrogateescape")
        at = _behind_space(text, end)
        if inside and not text.startswith(",", at):
            return
        at += inside


def _behind_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at

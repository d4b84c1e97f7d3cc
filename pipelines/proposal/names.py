"""What a pipeline and its table are called where nobody says."""

from __future__ import annotations

import re
from typing import Final

from config.formats import SUFFIXES

_GLOB: Final = re.compile(r"[*?\[]")


def default_name(uri: str) -> str:
    """A name for the pipeline of a landing zone: `github` for `s3://landing/github/**/*.ndjson.gz`."""
    wildcard = _GLOB.search(uri)
    path = uri[: wildcard.start()].rpartition("/")[0] if wildcard else uri
    last = path.partition("://")[2 if "://" in path else 0].rstrip("/").rpartition("/")[2]
    while last.endswith(SUFFIXES):
        last = last.rpartition(".")[0]
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", last).strip("_")
    return safe if safe[:1].isalpha() else f"events_{safe}".rstrip("_")


def default_table(uri: str, name: str) -> str:
    """Where its table goes: `lake/NAME`, for object stores in the bucket of the landing zone."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme == "file":
        return f"lake/{name}"
    return f"{scheme}://{rest.partition('/')[0]}/lake/{name}"

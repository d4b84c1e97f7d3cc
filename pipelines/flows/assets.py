"""The tables of pipelines, and what they are made of, as assets of Prefect: URIs that its events link."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final, TypeVar

from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext

from config.pipeline import Pipeline
from storage.filesystem import is_remote, local_path

R = TypeVar("R")

_REFUSED: Final = re.compile(r"[^A-Za-z0-9!$()*+,./:;=@_-]")
"""What Prefect refuses in a key, and what is not ASCII; the sign that stands for it, and keys stay apart."""
_WILDCARD: Final = re.compile(r"[*?\[]")
_LONGEST: Final = 512


def table_asset(pipeline: Pipeline) -> Asset:
    """The table that a pipeline writes."""
    properties = AssetProperties(
        name=pipeline.name,
        description=f"The table of the pipeline {pipeline.name}. {pipeline.description}"[:2500],
    )
    return Asset(key=asset_key(pipeline.table.uri), properties=properties)


def source_asset(pipeline: Pipeline) -> Asset:
    """What a pipeline takes in: a table, or the folder of its landing zone, up to the first wildcard."""
    location = pipeline.source.location
    if pipeline.source.uri is not None and (wildcard := _WILDCARD.search(location)):
        location = location[: wildcard.start()].rpartition("/")[0] or "."
    return Asset(key=asset_key(location))


def asset_key(location: str) -> str:
    """A key that Prefect takes, one for each location: a URI; of a local one, `file://` and its full path.

    What a key must not hold is written as `~` and two hexadecimal digits a byte, `~` itself included. A key
    that would be too long ends in a hash of the location.
    """
    uri = location.rstrip("/") if is_remote(location) else f"file://{local_path(location)}"
    key = _REFUSED.sub(lambda found: "".join(f"~{byte:02X}" for byte in found[0].encode()), uri)
    if len(key) <= _LONGEST:
        return key
    return f"{key[: _LONGEST - 17]}~{sha256(uri.encode()).hexdigest()[:16]}"


def note(asset: Asset, numbers: Mapping[str, int]) -> None:
    """Adds numbers to the event that the task which this is called in will send about `asset`."""
    if (context := AssetContext.get()) is not None:
        context.add_asset_metadata(asset.key, dict(numbers))

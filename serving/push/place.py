"""Where a pushed batch lies: `pushed/CLIENT/ID.arrows` below the folder of the pipeline's landing zone.

The name is all that is remembered of an id, so it comes from the pipeline, the client and the id alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from config.formats import SUFFIXES
from config.pipeline import Pipeline
from config.source import Source
from serving.push.errors import PushError
from storage.filesystem import is_remote, local_path
from storage.landing.pattern import LandingPattern, parse_pattern

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SUFFIX: Final = ".arrows"


@dataclass(frozen=True)
class Place:
    """A file of a landing zone.

    Attributes:
        zone: The folder; `s3://…`, or a path.
        name: Of the file, below it.
    """

    zone: str
    name: str


def place_of(pipeline: Pipeline, client: str, batch: str) -> Place:
    """Where a batch of that id lies.

    Raises:
        PushError: The id is none, or the pipeline would not take the file in.
    """
    if not _ID.fullmatch(batch):
        raise PushError(
            "not a usable id of a batch",
            got=ascii(batch[:200]),
            expected="1 to 128 letters, digits, dots, _ and -, beginning with a letter or a digit",
        )
    name = f"pushed/{client}/{batch}{_SUFFIX}"
    zone, pattern = _zone(pipeline)
    if not pattern.takes(name):
        raise _not_taken(pipeline, "source.uri leaves files below pushed/ out", _advice(name, pattern))
    _check_form(pipeline, pipeline.source, name)
    return Place(zone, name)


def _zone(pipeline: Pipeline) -> tuple[str, LandingPattern]:
    uri = pipeline.source.uri
    if uri is None:
        raise _not_taken(pipeline, "it follows a table", "push to a pipeline that has source.uri")
    pattern = parse_pattern(uri if is_remote(uri) else local_path(uri))
    if pattern.expression is None and pattern.base.lower().endswith(SUFFIXES):
        raise _not_taken(pipeline, "source.uri is one file", "let source.uri be the folder of the file")
    return pattern.base, pattern


def _check_form(pipeline: Pipeline, source: Source, name: str) -> None:
    if source.format_of(name) != "ipc":
        raise _not_taken(pipeline, f"source.format is {source.format}", "leave source.format out")
    if source.compression_of(name) != "none":
        what = f"source.compression is {source.compression}"
        raise _not_taken(pipeline, what, "leave source.compression out")


def _advice(name: str, pattern: LandingPattern) -> str:
    if name.split("/")[1].startswith("_"):
        return "give the client another name: files below a folder that begins with _ are not taken in"
    if pattern.expression is None:
        return "correct source.uri"
    return "let source.uri be the folder alone, or let it end with /**"


def _not_taken(pipeline: Pipeline, got: str, next_step: str) -> PushError:
    return PushError(
        "this pipeline takes no pushed batches",
        where=f"pipeline {pipeline.name}",
        got=got,
        expected=f"a landing zone that takes in Arrow IPC files below pushed/, with the suffix {_SUFFIX}",
        next_step=next_step,
    )

"""Rows as JSON, as many as there are."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import chain

import click
import polars as pl

from pipelines.cli.outcome import JSON


def print_json_rows(frames: Iterable[pl.DataFrame]) -> None:
    """The rows of all frames as one JSON array on standard output, a frame at a time."""
    rest = iter(frames)
    first = list(_some(rest))  # what fails at once fails before anything is printed
    out = sys.stdout.buffer
    out.write(b"[")
    click.get_current_context().meta[JSON] = False  # an error from here on is no second document
    separator = b""
    for frame in chain(first, rest):
        if frame.height:
            out.write(separator + frame.write_json().encode()[1:-1])
            separator = b",\n"
    out.write(b"]\n")
    out.flush()


def _some(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames up to the first that has rows."""
    for frame in frames:
        yield frame
        if frame.height:
            return


def encodable(schema: pl.Schema) -> list[pl.Expr]:
    """The columns of `schema` as JSON can hold them: bytes in base64, the rest as it is."""
    return [
        pl.col(name).bin.encode("base64") if dtype == pl.Binary else pl.col(name)
        for name, dtype in schema.items()
    ]

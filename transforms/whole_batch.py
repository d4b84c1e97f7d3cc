"""Which transforms must see more than one row at a time, by the plan that Polars would execute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import polars as pl
from polars.io.plugins import register_io_source

_NODE: Final = re.compile(r'^\d+ \[label="([a-z][a-z_-]*)', re.MULTILINE)
"""A node of the physical plan in Graphviz's language; its kind is the first word of its label."""

_ROW_BY_ROW: Final = {
    "filter", "input-independent-select", "map", "ordered-union", "select", "unordered-union", "with-columns",
}  # fmt: skip
_ONE_FOR_ONE: Final = {"filter", "map", "select", "with-columns"}
"""Those with one input, whose rows come of its rows and of nothing else."""
_ROWS: Final = "streaming-python-scan"
"""Where `some_rows` come from."""
_SOURCE: Final = re.compile(r"scan|source")
_PLUMBING: Final = ("multiplexer", "zip-broadcast")
"""Hands one stream to several nodes, or joins columns side by side: says nothing where others are named."""


def without_rows(schema: pl.Schema) -> pl.LazyFrame:
    """A lazy frame of `schema` without rows, of which the optimizer knows nothing but that."""
    return _behind_barrier(pl.LazyFrame(schema=schema))


def needs_whole_batch(query: pl.LazyFrame) -> tuple[str, ...]:
    """The nodes of a query that look beyond a single row, such as `sort`, `group-by`, `reduce`; sorted.

    Where there are some, what comes out depends on where batches are cut, and Polars holds rows, keys or
    results back until the batch is read. Lazy: plans the query, and runs nothing.

    Args:
        query: Over `without_rows`; what precedes it there counts too.
    """
    kinds = {kind for kind in _kinds(query) if not _SOURCE.search(kind)} - _ROW_BY_ROW
    return tuple(sorted(kinds.difference(_PLUMBING) or kinds))


def some_rows(schema: pl.Schema) -> pl.LazyFrame:
    """A lazy frame of `schema`, of whose rows the optimizer knows nothing; to be planned, never collected."""
    rows = register_io_source(_no_frames, schema=schema, is_pure=True, explain_name="rows")
    return _behind_barrier(rows)


def beyond_rows(query: pl.LazyFrame) -> tuple[str, ...]:
    """The nodes for which a batch cannot be cut into pieces whose results together are its own; sorted.

    Those of `needs_whole_batch`, and what gives rows of its own, once for each piece: unions and literals.
    Lazy, as there.

    Args:
        query: Over `some_rows`.
    """
    kinds = _kinds(query) - _ONE_FOR_ONE
    return () if kinds == {_ROWS} else needs_whole_batch(query) or tuple(sorted(kinds - {_ROWS}))


def _kinds(query: pl.LazyFrame) -> set[str]:
    graph = query.show_graph(raw_output=True, engine="streaming", plan_stage="physical")
    return set(_NODE.findall(graph or ""))


def _no_frames(*_arguments: object) -> Iterator[pl.DataFrame]:
    return iter(())


def _behind_barrier(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Nothing is pushed down into `rows`, as nothing is into those of a batch."""
    return rows.map_batches(
        _same,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        streamable=True,
    )


def _same(rows: pl.DataFrame) -> pl.DataFrame:
    return rows

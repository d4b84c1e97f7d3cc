"""Which transforms must see more than one row at a time, by the plan that Polars would execute."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

_NODE: Final = re.compile(r'^\d+ \[label="([a-z][a-z_-]*)', re.MULTILINE)
"""A node of the physical plan in Graphviz's language; its kind is the first word of its label."""

_ROW_BY_ROW: Final = {
    "filter", "input-independent-select", "map", "ordered-union", "select", "unordered-union", "with-columns",
}  # fmt: skip
_SOURCE: Final = re.compile(r"scan|source")
_PLUMBING: Final = ("multiplexer", "zip-broadcast")
"""Hands one stream to several nodes, or joins columns side by side: says nothing where others are named."""


def without_rows(schema: pl.Schema) -> pl.LazyFrame:
    """A lazy frame of `schema` without rows, of which the optimizer knows nothing but that."""
    return pl.LazyFrame(schema=schema).map_batches(
        _same,
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
        streamable=True,
    )


def needs_whole_batch(query: pl.LazyFrame) -> tuple[str, ...]:
    """The nodes of a query that look beyond a single row, such as `sort`, `group-by`, `reduce`; sorted.

    Where there are some, what comes out depends on where batches are cut, and Polars holds rows, keys or
    results back until the batch is read. Lazy: plans the query, and runs nothing.

    Args:
        query: Over `without_rows`; what precedes it there counts too.
    """
    graph = query.show_graph(raw_output=True, engine="streaming", plan_stage="physical")
    kinds = {kind for kind in _NODE.findall(graph or "") if not _SOURCE.search(kind)} - _ROW_BY_ROW
    return tuple(sorted(kinds.difference(_PLUMBING) or kinds))


def _same(rows: pl.DataFrame) -> pl.DataFrame:
    return rows

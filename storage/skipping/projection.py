"""Which leaves a question needs: what it asks for, and what its condition looks at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from storage.skipping.parsing import path_of
from storage.skipping.predicate import Path, from_json


@dataclass(frozen=True, slots=True)
class Projection:
    """What to read of each row.

    Attributes:
        columns: By the name that it shall have; those of the condition have names of their own.
        where: The condition over these names; None for all rows.
        shown: The names that were asked for, in order.
    """

    columns: Mapping[str, Path]
    where: pl.Expr | None
    shown: tuple[str, ...]

    def answer(self, batch: Any) -> pl.DataFrame:
        """Of an Arrow batch of these columns, what was asked for of the rows that meet the condition."""
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        if self.where is not None:
            frame = frame.filter(self.where)
        return frame.select(self.shown) if len(self.shown) < frame.width else frame


def projection(asked: Mapping[str, Path], where: pl.Expr | None, known: Mapping[str, Path]) -> Projection:
    """Of a condition only the fields that it looks at are read, not the structs that they are in.

    Args:
        asked: Columns of the answer, with where they are in the table.
        where: A condition over the columns of `known`; None for all rows.
        known: All columns that there are.
    """
    if where is None:
        return Projection(dict(asked), None, tuple(asked))
    seen: dict[Path, str] = {}
    node = _renamed(json.loads(where.meta.serialize(format="json")), known, seen)
    columns = {**asked, **{name: path for path, name in seen.items()}}
    return Projection(columns, from_json(json.dumps(node)), tuple(asked))


def _renamed(node: Any, known: Mapping[str, Path], seen: dict[Path, str]) -> Any:
    """The same over the names that `seen` gives to paths; adds those that are not there yet."""
    if isinstance(node, dict):
        path = path_of(node)
        if path is not None:
            full = (*known[path[0]], *path[1:])
            return {"Column": seen.setdefault(full, f"condition on {len(seen)}")}
        return {name: _renamed(one, known, seen) for name, one in node.items()}
    return [_renamed(one, known, seen) for one in node] if isinstance(node, list) else node

"""Which leaves a question needs: what it asks for, and what its condition looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from storage.skipping.nodes import paths_in
from storage.skipping.predicate import Path


@dataclass(frozen=True, slots=True)
class Projection:
    """What to read of each row.

    Attributes:
        columns: By the name that it shall have; those of the condition alone included.
        where: The condition; None for all rows.
        rebuilt: Structs that the condition looks at, made of what it looks at in them.
        shown: The names that were asked for, in order.
    """

    columns: Mapping[str, Path]
    where: pl.Expr | None
    rebuilt: tuple[pl.Expr, ...]
    shown: tuple[str, ...]

    def answer(self, batch: Any) -> pl.DataFrame:
        """Of an Arrow batch of these columns, what was asked for of the rows that meet the condition."""
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        if self.where is None:
            return frame
        if self.rebuilt:
            frame = frame.with_columns(self.rebuilt)
        return frame.lazy().filter(self.where).select(self.shown).collect()


def projection(asked: Mapping[str, Path], where: pl.Expr | None, known: Mapping[str, Path]) -> Projection:
    """Of a condition only the fields that it looks at are read, not the structs that they are in.

    Args:
        asked: Columns of the answer, with where they are in the table.
        where: A condition over the columns of `known`; None for all rows.
        known: All columns that there are.
    """
    columns = dict(asked)
    tree: dict[str, Any] = {}
    for path in () if where is None else _outermost(paths_in(where)):
        name, *fields = path
        if name in asked:
            continue
        if fields:
            hidden = f"condition on {path!r}"
            _put(tree, path, hidden)
            columns[hidden] = (*known[name], *fields)
        else:
            columns[name] = known[name]
    rebuilt = tuple(_column(one).alias(name) for name, one in tree.items())
    return Projection(columns, where, rebuilt, tuple(asked))


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Those that lie in no other one."""
    found: list[Path] = []
    for path in sorted(paths, key=len):
        if not any(path[: len(above)] == above for above in found):
            found.append(path)
    return found


def _put(tree: dict[str, Any], path: Path, name: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = name


def _column(part: Any) -> pl.Expr:
    """A column as it was read, or a struct of what was read of it."""
    if isinstance(part, str):
        return pl.col(part)
    return pl.struct(_column(one).alias(name) for name, one in part.items())

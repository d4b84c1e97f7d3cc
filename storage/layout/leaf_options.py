"""What `bloom` and `statistics` of a layout may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from config.errors import did_you_mean
from storage.errors import TableSchemaError
from storage.layout.file_layout import FileLayout, path_of
from storage.layout.leaves import Leaf, leaves
from storage.layout.sort_keys import sort_keys, z_keys

_WITHOUT_FILTER: Final = (pl.Boolean, pl.Float32, pl.Float64)
"""Two values are in every row group; and 0.0 is equal to -0.0, whose bits are others."""


def check_layout(schema: pl.Schema, layout: FileLayout) -> None:
    """Refuses a layout that files with these columns cannot have.

    Raises:
        TableSchemaError: It names a column that is not there, or that cannot be ordered or filtered.
    """
    sort_keys(schema, layout.sort_by)
    z_keys(schema, layout.z_order_by)
    check_bloom(schema, layout.bloom)
    check_statistics(schema, layout.statistics or ())


def check_bloom(schema: pl.Schema, names: Sequence[str]) -> None:
    """Refuses columns that no Bloom filter can be made of."""
    for name in names:
        leaf = _leaf(schema, name, "bloom")
        if isinstance(leaf.dtype, _WITHOUT_FILTER):
            raise TableSchemaError(
                "a Bloom filter of this column would tell nothing, or the wrong thing",
                where=f"table.layout.bloom, {name!r}",
                got=leaf.dtype,
                expected="a column of text, binary, integers, decimals, dates or timestamps",
            )


def check_statistics(schema: pl.Schema, names: Sequence[str]) -> None:
    """Refuses columns that have no minimum and maximum."""
    for name in names:
        _leaf(schema, name, "statistics")


def _leaf(schema: pl.Schema, name: str, option: str) -> Leaf:
    """The leaf outside of lists and maps that a column or a dotted path is."""
    known = {".".join(leaf.path): leaf for leaf in leaves(schema) if not leaf.repeated}
    leaf = next((one for one in known.values() if one.path == path_of(schema, name)), None)
    if leaf is None:
        raise TableSchemaError(
            f"{option} names what is no plain column, and no field of one",
            where=f"table.layout.{option}, {name!r}",
            got=schema.get(name, "no such column"),
            expected=f"one of {list(known)}",
            next_step=did_you_mean(name, known),
        )
    return leaf

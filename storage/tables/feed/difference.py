"""What a version changed that wrote files again: rows that went and came are left out, as they are the same.

Writers without a change data feed take a file out and put another one in, which has most of the same rows. As
multisets: of a row that is n times in what went and m times in what came, n - m are deleted, or m - n added.
Rows are told by a hash of 128 bits over all their columns; rows of two partitions are never the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from storage.reading.rows import Rows
from storage.tables.content_hash import row_hashes
from storage.tables.feed.pieces import Piece, partition_key

Read = Callable[[Sequence[int]], Iterator[Rows]]


@dataclass(frozen=True)
class Kept:
    """Which rows of which files are part of the difference.

    masks: for each file that was compared, by its number, a flag a row; all rows of the others are.
    """

    masks: Mapping[int, NDArray[np.bool_]]

    def of(self, number: int, rows: Rows) -> pa.RecordBatch:
        """Those of `rows`."""
        mask = self.masks.get(number)
        if mask is None:
            return rows.batch
        part = mask[rows.first : rows.first + rows.batch.num_rows]
        return rows.batch if part.all() else rows.batch.filter(pa.array(part))


def differences(pieces: Sequence[Piece], read: Read, schema: pa.Schema) -> Kept:
    """Reads the files of versions that took out and added some in one partition.

    Memory: about 250 bytes for each row of one partition in one version, and a byte for each row of all that
    are compared.

    Args:
        pieces: In the order of the batch.
        read: Gives the rows of the files with these numbers, as the files have them.
        schema: The columns of the table, to which those of the files are brought to compare them.
    """
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        if piece.what in ("added", "removed"):
            groups[piece.version, partition_key(piece.values)].append(number)
    masks: dict[int, NDArray[np.bool_]] = {}
    for numbers in groups.values():
        if len({pieces[number].what for number in numbers}) > 1:
            masks |= _compared(numbers, pieces, read, schema)
    return Kept(masks)


def _compared(
    numbers: Sequence[int], pieces: Sequence[Piece], read: Read, schema: pa.Schema
) -> dict[int, NDArray[np.bool_]]:
    rows = pl.concat(_hashes(numbers, read, schema)).with_columns(
        removed=pl.col("file").is_in([number for number in numbers if pieces[number].what == "removed"])
    )
    kept = np.zeros(rows.height, np.bool_)
    kept[_surplus(rows)["row"].to_numpy()] = True
    masks = pl.DataFrame({"file": rows["file"], "kept": kept})
    return {number: masks.filter(file=number)["kept"].to_numpy() for number in numbers}


def _surplus(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of either side that have no equal one on the other; of several, the later ones."""
    key, removed = ["first", "second"], pl.col("removed")
    uneven = rows.group_by(key).agg(both=pl.min_horizontal(removed.sum(), removed.not_().sum()), all=pl.len())
    uneven = uneven.filter(pl.col("all") != 2 * pl.col("both"))
    found = rows.with_row_index("row").join(uneven, on=key, maintain_order="left")
    return found.filter(pl.int_range(pl.len()).over([*key, "removed"]) >= pl.col("both"))


def _hashes(numbers: Sequence[int], read: Read, schema: pa.Schema) -> Iterator[pl.DataFrame]:
    """The number of the file and two hashes of each row, in order."""
    target = pl.DataFrame(schema.empty_table()).schema
    first, second = row_hashes(target)
    yield pl.DataFrame(schema={"file": pl.Int32, "first": pl.UInt64, "second": pl.UInt64})
    for rows in read(numbers):
        frame = _in_schema(pl.DataFrame(rows.batch), target)
        yield frame.select(file=pl.lit(rows.file, pl.Int32), first=first, second=second)


def _in_schema(frame: pl.DataFrame, target: pl.Schema) -> pl.DataFrame:
    """The columns of the table; null where the file has none."""
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        for name, kind in target.items()
    )

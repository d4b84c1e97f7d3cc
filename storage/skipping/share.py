"""How much of a table a question must read, told by the log and by footers; and values to ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from storage.skipping.fragments import Fragments
from storage.skipping.measured import data_bytes
from storage.skipping.plan import choose_files, open_files
from storage.skipping.predicate import Path
from storage.skipping.reader import TableReader
from storage.upstream import translated

_FOOTERS: Final = 200
"""Files whose footers are read for one question; of more, these are taken as typical of all."""
_FILES: Final = 3
_ROWS: Final = (1 / 4, 3 / 4)


def share_to_read(reader: TableReader, where: pl.Expr, enough: float) -> float:
    """Bytes of the row groups that may hold matches, all columns of them, as a share of the table's bytes.

    Reads no footers where the log alone says that it is no more than `enough`, and of no more than 200 files:
    beyond, the share within evenly spaced ones stands for all. 0 for an empty table.

    Raises:
        StorageError: A footer cannot be read.
    """
    files, question = reader.files(), reader.question(where)
    total = int(files["size"].sum())
    chosen = choose_files(files, question).files
    at_most = int(chosen["size"].sum()) / total if total else 0.0
    if at_most <= enough:
        return at_most
    some = chosen.gather_every(-(-chosen.height // _FOOTERS))
    with translated("read the footers of the table", reader.uri):
        opened = open_files(some, question, Fragments(reader.uri, reader.table))
        needed, data = map(sum, zip(*map(data_bytes, opened), strict=True))
    return at_most * needed / data if data else 0.0


def some_rows(reader: TableReader, paths: Sequence[Path]) -> pl.DataFrame:
    """A few rows of the newest files, without nulls; columns called by the numbers of `paths`.

    The same ones each time. Reads these columns of a row group in the middle of each of three files: bounds,
    which cost nothing, are no typical values.

    Raises:
        StorageError: They cannot be read.
    """
    newest = reader.files().sort("modified", "path", descending=[True, False])
    picked = newest.gather_every(max(1, _same_time(newest) // _FILES)).head(_FILES)
    columns = {str(number): path for number, path in enumerate(paths)}
    fragments = Fragments(reader.uri, reader.table)
    found = []
    with translated("read the table", reader.uri):
        for fragment in fragments.of(picked):
            middle = fragment.metadata.num_row_groups // 2
            batches = list(fragments.batches([fragment.subset(row_group_ids=[middle])], columns))
            rows = pl.concat([pl.DataFrame(batch) for batch in batches]).drop_nulls().drop_nans()
            found.append(rows[sorted({int(place * rows.height) for place in _ROWS})] if rows.height else rows)
    return pl.concat(found).unique(maintain_order=True) if found else pl.DataFrame()


def _same_time(newest: pl.DataFrame) -> int:
    """How many files were written together with the newest, about: within a minute."""
    modified = newest["modified"]
    return int((modified >= modified[0] - 60_000).sum()) if newest.height else 0

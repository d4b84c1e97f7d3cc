"""Which files of batches can still be read from a source table."""

from __future__ import annotations

import polars as pl

from storage.errors import NotFoundError
from storage.filesystem import is_remote, open_filesystem
from storage.tables.feed.pieces import parsed
from storage.upstream import translated


def present_pieces(uri: str, taken: pl.DataFrame) -> pl.DataFrame:
    """Those of `taken` whose files were not vacuumed; nothing where the table itself is gone.

    One listing of the folder of the table.

    Args:
        uri: The source table's.
        taken: Columns path and identity, as the ledger has them; those of a replay are never there.

    Raises:
        StorageError: The folder cannot be listed.
    """
    try:
        there = _listed(uri)
    except NotFoundError:
        return taken.clear()
    of_table = taken.filter(pl.col("identity").str.starts_with("{"))
    empty = parsed(of_table["identity"])["what"] == "no rows"
    return of_table.filter(pl.col("path").is_in(there.implode()) | empty).select("path", "identity")


def readable(files: pl.DataFrame, present: pl.DataFrame) -> pl.DataFrame:
    """The files of a batch that give the same rows as they gave then.

    Those of a version that took some out are compared with one another, so that it is all of them or none.

    Args:
        files: Columns path and identity at least.
        present: What `present_pieces` gave.
    """
    key = ["path", "identity"]
    told = parsed(files["identity"])
    files = files.with_columns(version=told["version"], removed=told["what"] == "removed")
    files = files.join(present.unique().with_columns(there=True), on=key, how="left", maintain_order="left")
    there = pl.col("there").fill_null(False)
    whole = ~pl.col("removed").any().over("version") | there.all().over("version")
    return files.filter(there & whole).drop("version", "removed", "there")


def _listed(uri: str) -> pl.Series:
    filesystem, path = open_filesystem(uri)
    with translated("list the source table", uri):
        found = filesystem.find(path)
    return pl.Series([f"s3://{one}" if is_remote(uri) else one for one in found], dtype=pl.String)

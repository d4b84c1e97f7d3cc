"""The files of a source table that wait, by what the ledger says was taken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import TableError
from storage.filesystem import delta_storage_options
from storage.tables.feed.partition_columns import partition_arrays
from storage.tables.feed.pieces import WAITING_SCHEMA, Piece, parsed
from storage.tables.feed.waiting import waiting_pieces, within
from tests.conftest import Store

NOTHING = pl.DataFrame(schema={**WAITING_SCHEMA, "in_force": pl.Boolean})


@pytest.fixture
def local(tmp_path: Path) -> Store:
    """A place of the test's own on the local disk."""
    return Store(str(tmp_path))


def write(store: Store, rows: pl.DataFrame, **options: Any) -> str:
    """Appends to the table `t` of the store; its URI."""
    uri = store.at("t")
    write_deltalake(
        uri, rows.to_arrow(), mode="append", storage_options=delta_storage_options(uri) or None, **options
    )
    return uri


def taken(*waiting: pl.DataFrame, undone: pl.DataFrame | None = None) -> pl.DataFrame:
    """What the ledger has where batches took these files in, and one of them is undone."""
    frames = [one.with_columns(in_force=pl.lit(True)) for one in waiting]
    if undone is not None:
        frames.append(undone.with_columns(in_force=pl.lit(False)))
    return pl.concat([NOTHING, *frames])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.dictionaries(texts, st.none() | texts, max_size=3), st.none() | st.integers(0, 9))
def test_piece_comes_back_out_of_its_identity(values: dict[str, str | None], rows: int | None) -> None:
    piece = Piece("id", 7, "added", rows, values, None)

    told = parsed(pl.Series([piece.identity]))

    assert Piece.of(piece.identity) == piece
    assert told.select("table", "version", "what", "since").row(0) == ("id", 7, "added", None)


def test_waiting_of_a_snapshot_leaves_what_was_taken(store: Store) -> None:
    for number in range(3):
        uri = write(store, pl.DataFrame({"id": [number]}))

    waiting = waiting_pieces(uri, "appends", NOTHING)
    rest = waiting_pieces(uri, "appends", taken(waiting.head(1)))

    assert waiting["path"].str.starts_with(f"{uri}/").all()
    assert (waiting.height, rest["path"].to_list()) == (3, waiting["path"].to_list()[1:])
    assert parsed(rest["identity"])["what"].to_list() == ["snapshot", "snapshot"]


def test_waiting_after_a_snapshot_is_what_later_versions_added(local: Store) -> None:
    uri = write(local, pl.DataFrame({"id": [0]}))
    first = waiting_pieces(uri, "appends", NOTHING)
    DeltaTable(uri).optimize.compact()
    for number in range(2):
        write(local, pl.DataFrame({"id": [number]}))

    waiting = waiting_pieces(uri, "appends", taken(first))

    assert waiting["version"].to_list() == [1, 2]
    assert waiting["modified"].is_sorted()


def test_waiting_files_of_an_undone_batch_come_first_and_again(local: Store) -> None:
    for number in range(3):
        uri = write(local, pl.DataFrame({"id": [number]}))
    files = waiting_pieces(uri, "appends", NOTHING)
    write(local, pl.DataFrame({"id": [3]}))

    known = taken(files.tail(2), undone=files.head(1))
    waiting = waiting_pieces(uri, "appends", known)

    assert waiting["path"][0] == files["path"][0]
    assert waiting["version"].to_list() == [2, 3]
    assert waiting_pieces(uri, "appends", pl.concat([known, taken(waiting)])).is_empty()


def test_waiting_partition_of_an_undone_batch_is_read_again(local: Store) -> None:
    uri = write(local, pl.DataFrame({"part": [1, 2], "id": [0, 0]}), partition_by=["part"])
    files = waiting_pieces(uri, "partitions", NOTHING)

    waiting = waiting_pieces(uri, "partitions", taken(files.tail(1), undone=files.head(1)))

    assert waiting["path"].to_list() == files["path"].to_list()[:1]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=8),
    st.integers(1, 6),
    st.integers(1, 12),
)
def test_within_takes_whole_units_up_to_the_limits(
    files: list[tuple[int, int]], max_files: int, max_bytes: int
) -> None:
    ordered = sorted(files)
    waiting = pl.DataFrame(
        {
            "path": [str(number) for number in range(len(ordered))],
            "unit": [unit for unit, _ in ordered],
            "size": [size for _, size in ordered],
        }
    )

    found = within(waiting, max_files, max_bytes)

    rest = waiting.join(found, on="path", how="anti")
    assert found["path"].to_list() == waiting["path"].head(found.height).to_list()
    assert not set(found["unit"]) & set(rest["unit"])
    if found["unit"].n_unique() > 1:
        assert found.height <= max_files
        assert found["size"].sum() <= max_bytes
    if rest.height:
        more = waiting.filter(pl.col("unit") <= rest["unit"][0])
        assert more.height > max_files or more["size"].sum() > max_bytes


def test_within_takes_no_path_twice() -> None:
    waiting = pl.DataFrame({"path": ["a", "b", "a"], "unit": [0, 1, 2], "size": [1, 1, 1]})

    assert within(waiting, 9, 9)["path"].to_list() == ["a", "b"]


VALUES = {
    "day": (pl.Date(), date(1, 1, 1)),
    "at": (pl.Datetime("us", "UTC"), datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    "clock": (pl.Datetime("us"), datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001 - it has no zone
    "number": (pl.Int64(), -(2**63)),
    "small": (pl.Int8(), -128),
    "flag": (pl.Boolean(), False),
    "price": (pl.Decimal(12, 2), Decimal("1.50")),
    "text": (pl.String(), 'a b/ä%41=\n{"x": 1}'),
    "nothing": (pl.String(), None),
}


def test_partition_values_of_every_type_come_back(local: Store) -> None:
    rows = pl.DataFrame({name: pl.Series([value], dtype=kind) for name, (kind, value) in VALUES.items()})
    uri = write(local, rows.with_columns(id=1), partition_by=list(VALUES))

    (identity,) = waiting_pieces(uri, "appends", NOTHING)["identity"]
    table = DeltaTable(uri)
    schema = pa.schema(table.schema().to_arrow())
    arrays = partition_arrays(schema, list(VALUES), Piece.of(identity).values, 2, where=uri)

    assert pl.DataFrame(arrays).rows() == rows.rows() * 2


@pytest.mark.parametrize("values", [{}, {"part": "x"}, {"part": "1", "other": "2"}])
def test_partition_values_that_cannot_be_read_are_refused(values: dict[str, str]) -> None:
    schema = pa.schema({"part": pa.int64()})

    with pytest.raises(TableError, match="partition values"):
        partition_arrays(schema, ["part"], values, 1, where="a file")

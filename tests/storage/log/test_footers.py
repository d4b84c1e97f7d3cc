"""Footers are read without the rest of the file."""

from __future__ import annotations

import io
import random
from pathlib import Path

import polars as pl
import pytest

from storage.tables.log.footers import read_footers
from tests.conftest import Store


def parquet(frame: pl.DataFrame, row_group_size: int | None = None) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, row_group_size=row_group_size)
    return buffer.getvalue()


def test_read_footers_gives_rows_in_order(store: Store) -> None:
    for number in range(5):
        store.put(f"table/p=a%2Fb/{number}.parquet", parquet(pl.DataFrame({"id": range(number)})))
    paths = [f"p=a%252Fb/{number}.parquet" for number in (3, 0, 4)]

    assert [one.rows for one in read_footers(store.at("table"), paths)] == [3, 0, 4]


def test_read_footers_longer_than_the_first_request(store: Store) -> None:
    texts = [random.Random(number).randbytes(100).hex() for number in range(2000)]
    store.put("table/a.parquet", parquet(pl.DataFrame({"text": texts}), row_group_size=1))

    (footer,) = read_footers(store.at("table"), ["a.parquet"])

    assert (footer.rows, footer.problem) == (2000, None)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "not there"),
        (b"", "no Parquet footer"),
        (b"PAR1", "no Parquet footer"),
        (b"x" * 200_000, "no Parquet footer"),
        (b"x" * 200_000 + b"\xff\xff\xff\x7fPAR1", "no Parquet footer"),
    ],
    ids=["missing", "empty", "short", "no Parquet", "footer longer than the file"],
)
def test_read_footers_of_what_is_no_parquet_file_says_why(
    store: Store, data: bytes | None, problem: str
) -> None:
    if data is not None:
        store.put("table/a.parquet", data)

    (footer,) = read_footers(store.at("table"), ["a.parquet"])

    assert footer.rows is None
    assert problem in str(footer.problem)


def test_read_footers_of_a_cut_file_says_so(tmp_path: Path) -> None:
    data = parquet(pl.DataFrame({"id": range(1000)}))
    (tmp_path / "a.parquet").write_bytes(data[:-1])

    (footer,) = read_footers(str(tmp_path), ["a.parquet"])

    assert footer.rows is None

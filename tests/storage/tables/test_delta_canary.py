"""Holds the pinned delta-rs to what Penstock rests on: raise the pin only where these pass.

delta-rs 1.6.4 to 1.6.6 double rows in silence where two handles compact one after the other.
"""

from __future__ import annotations

from contextlib import suppress

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from storage.filesystem import delta_storage_options
from storage.tables.content_hash import content_hash
from tests.conftest import Store


def opened(uri: str) -> DeltaTable:
    return DeltaTable(uri, storage_options=delta_storage_options(uri))


@pytest.fixture
def uri(store: Store) -> str:
    uri = store.at("table")
    for first in range(4):
        frame = pl.DataFrame({"n": [first, first + 10]})
        write_deltalake(uri, frame, mode="append", storage_options=delta_storage_options(uri))
    return uri


def hash_of(uri: str) -> tuple[int, str]:
    table = opened(uri)
    rows = pl.scan_delta(table, storage_options=delta_storage_options(uri) or None)
    return pl.DataFrame(table.to_pyarrow_table()).height, content_hash(rows)


def test_two_stale_handles_compact_and_the_rows_stay_what_they_were(uri: str) -> None:
    before = hash_of(uri)
    one, other = opened(uri), opened(uri)

    one.optimize.compact()
    with suppress(CommitFailedError):
        other.optimize.compact()

    assert hash_of(uri) == before
    assert before[0] == 8


def test_a_handle_compacts_twice_with_appends_between_and_the_rows_stay_what_they_were(uri: str) -> None:
    one, other = opened(uri), opened(uri)
    one.optimize.compact()
    write_deltalake(opened(uri), pl.DataFrame({"n": [99]}), mode="append")
    before = hash_of(uri)

    one.optimize.compact()
    with suppress(CommitFailedError):
        other.optimize.z_order(["n"])

    assert hash_of(uri) == before

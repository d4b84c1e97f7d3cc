"""Partitions that the log writes in several ways are one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import StaleReadError
from storage.tables.replacing.partition_keys import partition_of
from storage.tables.replacing.replacement import Replacement, commit_replacement
from tests.storage.replacing.replacements import (
    active_files,
    opened,
)

MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))  # noqa: DTZ001


@given(MOMENTS)
def test_partition_of_a_moment_is_the_same_whoever_wrote_it(moment: dt.datetime) -> None:
    date, time = moment.strftime("%Y-%m-%d").rjust(10, "0"), moment.strftime("%H:%M:%S.%f")
    forms = [f"{date} {time}", f"{date}T{time}Z", f"{date} {time}+00:00"]
    if not moment.microsecond:
        forms += [f"{date} {time[:8]}", f"{date}T{time[:8]}Z"]

    assert len({partition_of({"at": form}) for form in forms}) == 1
    assert partition_of({"at": forms[0]}) != partition_of({"at": forms[0].replace(":", "_")})


@given(st.text(max_size=30), st.text(max_size=30))
def test_partition_of_other_texts_is_another(one: str, other: str) -> None:
    assert (partition_of({"p": one}) == partition_of({"p": other})) == (one == other)
    assert partition_of({"p": ""}) == partition_of({"p": None})
    assert partition_of({"a": one, "b": other}) == partition_of({"b": other, "a": one})


def test_commit_replacement_sees_appends_of_delta_rs_to_a_partition_of_moments(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    frame = pl.DataFrame({"n": [1], "at": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]})
    write_deltalake(uri, frame, partition_by=["at"])
    table = opened(uri)
    ours = partition_of({"at": "2026-01-01T00:00:00.000000Z"})
    one = Replacement([], [], "MERGE", True, frozenset({ours}), {"commit_id": "x"})
    write_deltalake(opened(uri), frame, mode="append")

    with pytest.raises(StaleReadError):
        commit_replacement(uri, table, one)
    assert len(active_files(uri, opened(uri))) == 2

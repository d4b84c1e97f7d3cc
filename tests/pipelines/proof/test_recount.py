"""Records counted again, as a run counted them, and nothing else done to the files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.proof import recount as recounting
from pipelines.proof.recount import landed_now, recount
from storage.landing.listing import list_landing
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land


def planned(pipeline: Pipeline) -> pl.DataFrame:
    return list_landing(pipeline.source.location).with_row_index("file").cast({"file": pl.Int32})


@pytest.mark.parametrize("memory_bytes", [2**29, 2**12])
def test_recount_counts_lines_that_are_not_blank_and_damages(store: Store, memory_bytes: int) -> None:
    land(store, "a.ndjson", *events(0, 100), b"", b" \t\r", b"bad")
    store.put("landing/b.ndjson")
    store.put("landing/c.ndjson.gz", gzip.compress(b"\n".join(events(0, 100)))[:-9])
    store.put("landing/d.ndjson", b"\xef\xbb\xbf" + b"\r\n".join(events(0, 3)))
    pipeline = a_pipeline(store)
    settings = Settings(memory_bytes=memory_bytes, max_record_bytes=2**10)

    found = recount(planned(pipeline), landed_now(pipeline, planned(pipeline)), pipeline, settings)

    assert found.counts.rows()[:2] == [(0, 101), (1, 0)]
    assert found.counts.rows()[2][1] > 1
    assert found.counts.rows()[3] == (3, 3)
    assert (found.gone, found.changed) == (0, 0)


def test_recount_file_that_goes_or_changes_meanwhile_leaves_the_others(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        land(local, f"{name}.ndjson", *events(0, 10))
    pipeline = a_pipeline(local)
    files, landed = planned(pipeline), landed_now(pipeline, planned(pipeline))
    read_landed = recounting.read_landed  # type: ignore[attr-defined]  # the one that it calls

    def late(*arguments: Any, **options: Any) -> Any:
        Path(local.at("landing/b.ndjson")).unlink(missing_ok=True)
        land(local, "c.ndjson", *events(0, 11))
        return read_landed(*arguments, **options)

    monkeypatch.setattr(recounting, "read_landed", late)
    found = recount(files, landed, pipeline, SETTINGS)

    assert found.counts.rows() == [(0, 10), (3, 10)]
    assert (found.gone, found.changed) == (1, 1)


def test_recount_tells_which_file_it_is_at(local: Store) -> None:
    for name in "abc":
        land(local, f"{name}.ndjson", *events(0, 10))
    pipeline, seen = a_pipeline(local), list[int]()

    recount(planned(pipeline), landed_now(pipeline, planned(pipeline)), pipeline, SETTINGS, seen.append)

    assert seen[-1] == 2

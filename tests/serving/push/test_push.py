"""Pushed batches: in the table once, whatever the client repeats."""

from __future__ import annotations

from pathlib import Path

import pyarrow.flight as flight
import pytest

from config.settings import Settings
from config.spec_file import load_pipeline
from pipelines.proof.proof import prove
from pipelines.run import run
from storage.skipping.reader import read_table
from tests.conftest import Store
from tests.serving.push.pushing import Pushed, pushable, rows


def _ids(pushed: Pushed) -> list[int]:
    """Takes in what has landed; the ids in the table, sorted."""
    pipeline = load_pipeline(pushed.folder / "events.yaml")
    run(pipeline)
    assert prove(pipeline, Settings()).ok
    table = read_table(pipeline.table.uri).lazy().collect()
    return sorted(table["id"].to_list())


def test_push_repeated_lands_once(store: Store, tmp_path: Path) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    with pushable(tmp_path / "pipes", store.uri) as pushed:
        first = pushed.push("a", rows(10, 20))
        again = pushed.push("a", rows(10, 20), chunk=3)
        assert _ids(pushed) == [1, *range(10, 20)]
        assert pushed.push("a", rows(10, 20))["duplicate"]
        pushed.push("b", rows(20, 25))
        assert _ids(pushed) == [1, *range(10, 25)]
    assert first == {
        "pipeline": "events", "id": "a", "file": "pushed/producer/a.arrows",
        "rows": 10, "bytes": first["bytes"], "duplicate": False,
    }  # fmt: skip
    assert again == {**first, "bytes": again["bytes"], "duplicate": True}


def test_push_other_rows_under_the_same_id_is_refused(store: Store, tmp_path: Path) -> None:
    store.put("landing/first.ndjson", b'{"id": 1}\n')
    with pushable(tmp_path / "pipes", store.uri) as pushed:
        pushed.push("a", rows(0, 5))
        with pytest.raises(flight.FlightServerError, match="other rows were pushed under this id"):
            pushed.push("a", rows(0, 6))
        assert _ids(pushed) == [0, 1, 1, 2, 3, 4]

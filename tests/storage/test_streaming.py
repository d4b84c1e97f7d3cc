"""A stream of frames is whole, or it ends with an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from storage.streaming import streamed

FRAME = pl.DataFrame({"a": [1, 2, None], "s": [{"x": "é"}, None, {"x": None}], "l": [[1], [], None]})


def drawn(*frames: pl.DataFrame) -> pl.LazyFrame:
    """These frames as a lazy one, of which Polars knows nothing before."""
    return register_io_source(lambda *_: iter(frames), schema=FRAME.schema)


@pytest.mark.parametrize("rows", [FRAME.lazy(), drawn(FRAME), drawn(FRAME.head(1), FRAME.clear(), FRAME[1:])])
def test_streamed_gives_the_rows_in_their_order(rows: pl.LazyFrame) -> None:
    found = list(streamed(rows))

    assert pl.concat(found).equals(FRAME)
    assert all(frame.height for frame in found)


@pytest.mark.parametrize(
    "rows", [FRAME.lazy().clear(), FRAME.lazy().filter(a=5), drawn(), drawn(FRAME.clear())]
)
def test_streamed_without_rows_gives_no_frame(rows: pl.LazyFrame) -> None:
    assert list(streamed(rows)) == []


def test_streamed_failure_within_the_query_is_told() -> None:
    def failing(_rows: pl.DataFrame) -> pl.DataFrame:
        raise ValueError("no luck")

    with pytest.raises((PolarsError, ValueError), match="no luck"):
        list(streamed(drawn(FRAME).map_batches(failing, streamable=True)))


def test_streamed_is_how_all_queries_are_drawn() -> None:
    root = Path(__file__).parents[2]
    folders = ("config", "transforms", "storage", "serving", "pipelines")
    files = [path for folder in folders for path in (root / folder).rglob("*.py")]

    assert [path.name for path in files if ".collect_batches(" in path.read_text()] == ["streaming.py"]


def test_streamed_query_that_sigint_cancels_is_not_taken_for_a_whole_one() -> None:
    """Polars takes over SIGINT where it is imported after the handler, so in a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.storage.interrupted_stream"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout) == (0, "interrupted\n"), ran.stderr

"""`penstock inspect`: for people, as JSON, as a page."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.cli.calling import call, call_json, called


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Four row groups, clustered by `x`, and not by `y`."""
    table = pa.table({"x": range(100), "y": [number % 25 for number in range(100)]})
    pq.write_table(table, tmp_path / "file.parquet", row_group_size=25)
    return tmp_path / "file.parquet"


def test_inspect_for_people_shows_a_picture_of_the_ranges(
    parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    shown = called("inspect", parquet)

    assert shown.splitlines()[0].startswith(f"{parquet}: Parquet, ")
    assert "1,632 bytes in use" in shown
    picture = shown[shown.index("Ranges of x") :].splitlines()
    assert picture == [
        "Ranges of x",
        "a lookup of one value reads 1.0 of 4 row groups (25 %)",
        "0  0   24  ████████·····················",
        "1  25  49  ·······████████··············",
        "2  50  74  ··············████████·······",
        "3  75  99  ·····················████████",
        "",
        "Ranges of y",
        "a lookup of one value reads 4.0 of 4 row groups (100 %)",
        "0  0  24  " + "█" * 30,
        "1  0  24  " + "█" * 30,
        "2  0  24  " + "█" * 30,
        "3  0  24  " + "█" * 30,
    ]


def test_inspect_with_html_writes_a_page(parquet: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"

    assert called("inspect", parquet, "--html", page) == f"wrote {page}\n"

    assert "<svg" in page.read_text()


def test_inspect_of_a_pipeline_shows_its_table_by_its_order(taken_in_spec: Path) -> None:
    found = call_json("inspect", taken_in_spec)

    assert (found["format"], found["rows"]) == ("Delta table", 37)
    assert found["ranges"][0]["units"] == "files"


def test_inspect_shows_hostile_names_as_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"\x1b[2J": ["\x1b]0;x\x07"]}), tmp_path / "a.parquet")

    shown = called("inspect", tmp_path / "a.parquet")

    assert "\x1b" not in shown
    assert r"\x1b[2J" in shown


def test_inspect_of_what_is_not_there_fails(tmp_path: Path, parquet: Path) -> None:
    assert call("inspect", tmp_path / "none.parquet").exit_code == 1
    assert call("inspect", parquet, "--column", "z").exit_code == 2

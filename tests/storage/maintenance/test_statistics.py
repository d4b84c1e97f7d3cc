"""Readers skip files by all columns that all files tell of, and by no other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake

from storage.layout.file_layout import FileLayout
from storage.maintenance.lifted_statistics import lift_statistics
from storage.tables.schema.statistics_columns import STATISTICS_COLUMNS, promised
from tests.storage.maintenance.maintained import append, compacted, opened

FIRST = pl.DataFrame({"id": [1, 2]})
STRUCT = pl.Struct({"f": pl.Float64})
SECOND = pl.DataFrame({"id": [3], "a,b": ["x"], "s": [{"f": 1.5, "l": [1]}], "tags": [["t"]]})


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A table with files that lack columns."""
    uri = str(tmp_path / "table")
    append(uri, FIRST)
    append(uri, SECOND)
    return uri


def nulls_found(uri: str, column: str) -> int:
    return int(opened(uri).to_pyarrow_dataset().to_table(filter=ds.field(column).is_null()).num_rows)


def test_lifting_before_compaction_does_nothing(uri: str) -> None:
    assert promised(opened(uri)) == ("id",)
    assert lift_statistics(uri, opened(uri)) == []


@pytest.mark.parametrize("with_checkpoint", [False, True])
def test_lifting_after_compaction_names_what_all_files_tell_of(uri: str, with_checkpoint: bool) -> None:
    compacted(uri)
    if with_checkpoint:
        opened(uri).create_checkpoint()

    assert lift_statistics(uri, opened(uri)) == ["a,b", "s"]

    assert promised(opened(uri)) == ("id", "a,b", "s")
    assert nulls_found(uri, "a,b") == 2
    assert lift_statistics(uri, opened(uri)) == []


def test_lifting_waits_for_files_that_do_not_tell(uri: str) -> None:
    compacted(uri)
    append(uri, FIRST)

    assert lift_statistics(uri, opened(uri)) == []


def test_lifting_gives_way_to_whoever_commits_meanwhile(uri: str) -> None:
    compacted(uri)
    looked_at = opened(uri)
    append(uri, FIRST)

    assert lift_statistics(uri, looked_at) == []
    assert promised(opened(uri)) == ("id",)


def test_lifting_leaves_tables_of_others_as_they_are(tmp_path: Path) -> None:
    uri = str(tmp_path / "theirs")
    write_deltalake(uri, pl.DataFrame({"id": [1], "text": ["a"]}).to_arrow())
    DeltaTable(uri).alter.set_table_properties({STATISTICS_COLUMNS: "id"})

    assert lift_statistics(uri, opened(uri)) == []


@pytest.mark.parametrize("named", [("id",), ("id", "s.f")])
def test_compaction_tells_bounds_of_all_that_the_table_promises(
    tmp_path: Path, named: tuple[str, ...]
) -> None:
    uri = str(tmp_path / "table")
    for number in range(3):
        score = None if number else 5.5
        append(uri, pl.DataFrame({"id": [number], "s": [{"f": score}]}, schema_overrides={"s": STRUCT}))
    table = opened(uri)

    compacted(uri, FileLayout(sort_by=("id",), statistics=named))

    assert promised(opened(uri)) == promised(table)
    low = pl.DataFrame(opened(uri).get_add_actions(flatten=True))
    assert low["min.s.f"].to_list() == [5.5]


def test_compaction_tells_bounds_of_what_the_layout_names_where_no_more_is_promised(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    layout = FileLayout(sort_by=("id",), statistics=("id",))
    for number in range(3):
        append(uri, pl.DataFrame({"id": [number], "other": [number]}), layout=layout)
    assert promised(opened(uri)) == ("id",)

    compacted(uri, layout)

    assert promised(opened(uri)) == ("id",)
    (log,) = Path(uri, "_delta_log").glob(f"{opened(uri).version():020}.json")
    assert '\\"minValues\\":{\\"id\\":0}' in log.read_text()

"""What a writer leaves in the store: whole batches in few sorted files, or nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from storage.errors import AccessDeniedError, StorageError, TableError, TableSchemaError
from storage.filesystem import delta_storage_options, open_filesystem
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import DataFile, TableWriter, remove_files
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from tests.conftest import Store
from tests.object_store import ObjectStore

AWKWARD = [
    "plain-1.0_x",
    "a/b",
    "..",
    "../../etc/passwd",
    "100%",
    "%2F",
    "a%20b",
    "with space",
    " ",
    "line\nbreak",
    "tab\t",
    "ünï/çødé 🌊",
    "x" * 200,
    "日" * 22,
    "a=b",
    "a:b",
    "NULL",
    "null",
    "'; drop table t; --",
    '"quoted"',
    "back\\slash",
    "#?&+",
    ".hidden",
    "_hidden",
    "\x01",
    None,
]


def write(uri: str, frames: list[pl.DataFrame], **options: Any) -> list[DataFile]:
    with TableWriter(uri, **{"buffer_bytes": 2**20} | options) as writer:
        for frame in frames:
            writer.write(frame)
        return writer.finish()


def write_and_commit(uri: str, frames: list[pl.DataFrame], **options: Any) -> list[DataFile]:
    files = write(uri, frames, **options)
    by = options.get("partition_by", ())
    commit_batch(uri, None, app_id="a", batch=1, files=files, schema=frames[0].schema, partition_by=by)
    return files


def read(uri: str, path: str = "") -> pl.DataFrame:
    """One file as it is, or the whole table."""
    options = delta_storage_options(uri)
    if path:
        filesystem, root = open_filesystem(uri)
        return pl.read_parquet(filesystem.cat_file(f"{root}/{path}"), hive_partitioning=False)
    return pl.scan_delta(uri, storage_options=options).collect()


def stored_files(uri: str) -> list[str]:
    filesystem, root = open_filesystem(uri)
    found = filesystem.find(root) if filesystem.exists(root) else []
    return [path for path in found if path.endswith(".parquet")]


def events(rows: int, *, start: int = 0) -> pl.DataFrame:
    number = pl.int_range(start, start + rows, eager=True)
    return pl.DataFrame({"n": number}).select(
        "n",
        day=pl.date(2026, 1, 1) + pl.duration(days=pl.col("n") // 1000),
        actor=pl.struct(id=(pl.col("n") * 7919) % 101, login=pl.format("user-{}-of-the-table", "n")),
        tags=pl.concat_list(pl.format("tag {} of many", pl.col("n") % 5)),
    )


def test_write_partitions_and_sorts_within_each_file(store: Store) -> None:
    frames = [events(300, start=start) for start in range(0, 3000, 300)]
    uri = store.at("table")

    files = write_and_commit(uri, frames, partition_by=["day"], layout=FileLayout(sort_by=("actor.id", "n")))

    assert {file.partition_values["day"] for file in files} == {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert sum(file.rows for file in files) == 3000
    for file in files:
        rows = read(uri, file.path)
        assert "day" not in rows.columns
        assert rows.select(pl.col("actor").struct.field("id"), "n").is_sorted(["id", "n"])
        assert file.path.startswith(f"day={file.partition_values['day']}/part-")
        assert file.size == len(open_filesystem(uri)[0].cat_file(f"{open_filesystem(uri)[1]}/{file.path}"))
    assert_frame_equal(read(uri).sort("n"), pl.concat(frames), check_column_order=False)


def test_write_keeps_the_order_of_arrival_among_equal_keys(tmp_path: Path) -> None:
    frame = events(5_000).with_columns(key=pl.col("n") % 3)

    (file,) = write(
        str(tmp_path), [frame[:2_000], frame[2_000:]], layout=FileLayout(sort_by=("key",)), buffer_bytes=2**30
    )

    assert read(str(tmp_path), file.path).equals(frame.sort("key", maintain_order=True))


def test_write_without_partitions_and_keys_keeps_the_order_of_arrival(tmp_path: Path) -> None:
    files = write(str(tmp_path), [events(5_000), events(5_000, start=5_000)], buffer_bytes=2**30)

    assert read(str(tmp_path), files[0].path)["n"].to_list() == list(range(10_000))


def test_write_of_awkward_partition_values_reads_back(store: Store) -> None:
    frame = pl.DataFrame({"p": AWKWARD, "n": range(len(AWKWARD))}, schema={"p": pl.String, "n": pl.Int64})
    uri = store.at("table")

    files = write_and_commit(uri, [frame], partition_by=["p"])

    assert_frame_equal(read(uri).select("p", "n").sort("n"), frame)
    assert all(len(part.encode()) <= 255 for file in files for part in file.path.split("/"))
    table = open_table(uri)
    assert table is not None
    assert sorted(table.to_pyarrow_table()["p"].to_pylist(), key=repr) == sorted(AWKWARD, key=repr)


def test_write_of_awkward_categories_as_partitions_reads_back(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"p": AWKWARD, "n": range(len(AWKWARD))}, schema={"p": pl.Categorical, "n": pl.Int64}
    )
    uri = str(tmp_path / "table")

    write_and_commit(uri, [frame, frame], partition_by=["p"])

    expected = pl.concat([frame, frame]).cast({"p": pl.String})
    assert_frame_equal(read(uri).select("p", "n").sort("n"), expected.sort("n"))


def test_write_sorts_categories_as_text_whatever_came_first(tmp_path: Path) -> None:
    frames = [
        pl.DataFrame({"c": ["zz", "b", None], "n": [0, 1, 2]}, schema_overrides={"c": pl.Categorical}),
        pl.DataFrame({"c": ["é", "b", "a"], "n": [3, 4, 5]}, schema_overrides={"c": pl.Categorical}),
    ]

    (file,) = write_and_commit(str(tmp_path / "t"), frames, layout=FileLayout(sort_by=("c",)))

    assert read(str(tmp_path / "t"), file.path)["n"].to_list() == [2, 5, 1, 4, 0, 3]
    assert read(str(tmp_path / "t")).filter(pl.col("c") == "b")["n"].to_list() == [1, 4]
    assert read(str(tmp_path / "t")).schema["c"] == pl.String()


def test_write_of_an_awkward_partition_column_reads_back(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a b%20é": ["x/", "y"], "n": [1, 2]})

    write_and_commit(str(tmp_path / "t"), [frame], partition_by=["a b%20é"])

    assert_frame_equal(read(str(tmp_path / "t")).sort("n").select(frame.columns), frame)


def test_write_partitioned_by_two_columns_reads_back(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 1, None, 2], "b": [True, None, False, True], "n": range(4)})

    files = write_and_commit(str(tmp_path / "t"), [frame], partition_by=["b", "a"])

    assert len(files) == 4
    assert_frame_equal(read(str(tmp_path / "t")).sort("n").select(frame.columns), frame)


def test_write_of_few_rows_in_many_frames_makes_one_file_a_partition(tmp_path: Path) -> None:
    frames = [events(50, start=start % 3000) for start in range(0, 60_000, 50)]

    files = write(str(tmp_path), frames, partition_by=["day"], buffer_bytes=2**26)

    assert len(files) == 3


def test_write_of_many_partitions_carries_small_ones_over(tmp_path: Path) -> None:
    """20 partitions in each of 200 frames: a file for each frame's partition would make 4,000."""
    frames = [
        events(2_000, start=start).with_columns(p=pl.col("n") % 20) for start in range(0, 400_000, 2_000)
    ]

    files = write(
        str(tmp_path), frames, partition_by=["p"], layout=FileLayout(sort_by=("n",)), buffer_bytes=2**23
    )

    assert len(files) < 200
    assert sum(file.rows for file in files) == 400_000
    assert pl.concat(read(str(tmp_path), file.path) for file in files)["n"].n_unique() == 400_000


def test_write_while_the_caller_goes_on_waits_for_one_buffer_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, handed_over = threading.Event(), []
    frame = events(4_000)
    writer = TableWriter(str(tmp_path), buffer_bytes=2 * int(frame.estimated_size()))

    def add(_self: object, frames: list[pl.DataFrame], *, last: bool = False) -> None:
        handed_over.append((len(frames), last))
        gate.wait(10)

    monkeypatch.setattr("storage.layout.partition_files.PartitionFiles.add", add)
    writer.write(frame)
    writer.write(frame[:10])
    assert len(handed_over) <= 1
    gate.set()
    writer.finish()

    assert handed_over == [(1, False), (1, True)]


def test_finish_without_rows_gives_no_files(tmp_path: Path) -> None:
    assert write(str(tmp_path), []) == []
    assert write(str(tmp_path), [events(0)], partition_by=["day"]) == []


def test_leaving_by_an_exception_removes_what_was_written(store: Store) -> None:
    uri = store.at("table")
    seen: list[str] = []
    with pytest.raises(RuntimeError), TableWriter(uri, buffer_bytes=2**16) as writer:
        for start in range(0, 20_000, 2_000):
            writer.write(events(2_000, start=start))
        writer._wait()
        seen += stored_files(uri)
        raise RuntimeError("the transform failed")

    assert seen
    assert stored_files(uri) == []


def test_leaving_after_finish_keeps_the_files(store: Store) -> None:
    uri = store.at("table")
    with pytest.raises(RuntimeError), TableWriter(uri, buffer_bytes=2**16) as writer:
        writer.write(events(100))
        files = writer.finish()
        raise RuntimeError("after the commit")

    assert len(stored_files(uri)) == len(files) == 1
    remove_files(uri, [files[0].path, "not/there.parquet"])
    assert stored_files(uri) == []


def test_write_to_a_place_that_cannot_be_written_raises(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("a file, not a folder")

    with pytest.raises(StorageError), TableWriter(str(tmp_path / "table"), buffer_bytes=2**16) as writer:
        for start in range(0, 20_000, 2_000):
            writer.write(events(2_000, start=start))
        writer.finish()


def test_write_after_a_failure_raises_again(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("a file, not a folder")
    writer = TableWriter(str(tmp_path / "table"), buffer_bytes=2**10)

    with pytest.raises(StorageError):
        for _ in range(10):  # it comes back with one of the next rows: files are written beside the caller
            writer.write(events(2_000))
    with pytest.raises(StorageError):
        writer.write(events(2_000))
    with pytest.raises(StorageError):
        writer.finish()
    writer.abort()


def test_write_without_permission_raises(
    s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment(read_only=True).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(AccessDeniedError) as caught:
        write(s3.at("table"), [events(10)])
    assert not caught.value.retryable


@pytest.mark.parametrize("value", ["", "__HIVE_DEFAULT_PARTITION__", "x" * 5_000, "日" * 23])
def test_write_hands_over_rows_that_no_partition_can_hold(tmp_path: Path, value: str) -> None:
    frame = pl.DataFrame({"p": ["good", value], "n": [1, 2]})
    bad: list[pl.DataFrame] = []

    for kind in (pl.String, pl.Categorical):
        bad.clear()
        files = write(str(tmp_path), [frame.cast({"p": kind})], partition_by=["p"], refused=bad.append)

        assert [(file.rows, file.partition_values) for file in files] == [(1, {"p": "good"})]
        assert pl.concat(bad).rows() == [(value, 2)]


def test_write_of_an_unstorable_partition_value_that_nobody_takes_raises(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no table can hold"):
        write(str(tmp_path), [pl.DataFrame({"p": ["good", ""], "n": [1, 2]})], partition_by=["p"])


def test_write_of_differing_frames_names_the_column(tmp_path: Path) -> None:
    with pytest.raises(TableSchemaError, match="'n'"):
        write(str(tmp_path), [events(1), events(1).with_columns(pl.col("n").cast(pl.Int32))])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("nope", {"partition_by": ["nope"]}),
        ("actor", {"partition_by": ["actor"]}),
        ("nope", {"layout": FileLayout(sort_by=("nope",))}),
    ],
)
def test_write_with_unsuitable_columns_names_them(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(TableSchemaError, match=name):
        write(str(tmp_path), [events(1)], **options)


def test_write_after_finish_is_refused(tmp_path: Path) -> None:
    writer = TableWriter(str(tmp_path), buffer_bytes=2**16)
    writer.finish()

    with pytest.raises(ValueError, match="finished"):
        writer.write(events(1))

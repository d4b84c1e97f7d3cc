"""Logs of tables that lead elsewhere: whoever can write a log must not read what the server can."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from serving.catalog import Catalog
from serving.errors import as_flight
from serving.queries.query import Engine, Statement


@pytest.fixture
def tampered(lake: Path, tmp_path: Path) -> Path:
    """A copy of the lake, with a file outside of the table `events` whose rows nobody may see."""
    shutil.copytree(lake / "lake", tmp_path / "lake")
    (tmp_path / "events.yaml").write_text(
        (lake / "events.yaml").read_text().replace(str(lake), str(tmp_path))
    )
    shutil.copy(next((lake / "lake" / "secrets").rglob("*.parquet")), tmp_path / "outside.parquet")
    return tmp_path


def add(folder: Path, path: str, **more: object) -> None:
    """A commit that adds a file to `events`, as anybody could write it."""
    action = {
        "path": path,
        "partitionValues": {"day": "2026-01-01"},
        "size": (folder / "outside.parquet").stat().st_size,
        "modificationTime": 0,
        "dataChange": True,
        **more,
    }
    log = folder / "lake" / "events" / "_delta_log"
    last = max(int(file.stem) for file in log.glob("*.json") if file.stem.isdecimal())
    (log / f"{last + 1:020}.json").write_text(json.dumps({"add": action}) + "\n")


def ask(folder: Path, sql: str = "select * from events") -> list[Any]:
    engine = Engine(Catalog(Settings(pipelines=folder)), memory_bytes=64 * 2**20, threads=2)
    return list(engine.plan(Statement(sql), lambda _name: True).batches())


def absolute(folder: Path) -> str:
    return f"{folder}/outside.parquet"


def as_uri(folder: Path) -> str:
    return f"file://{folder}/outside.parquet"


def as_uri_with_one_slash(folder: Path) -> str:
    return f"file:{folder}/outside.parquet"


@pytest.mark.parametrize(
    "path",
    [
        absolute,
        as_uri,
        as_uri_with_one_slash,
        lambda _folder: "../../outside.parquet",
        lambda _folder: "day=2026-01-01/../../../outside.parquet",
        lambda _folder: "%2e%2e/%2E%2E/outside.parquet",
        lambda _folder: "..%2F..%2Foutside.parquet",
        lambda folder: "%2F" + f"{folder}/outside.parquet".lstrip("/"),
        lambda _folder: "s3://other/outside.parquet",
        lambda _folder: "S3://other/outside.parquet",
        lambda _folder: "http://127.0.0.1:9/outside.parquet",
    ],
)
def test_table_whose_log_leads_elsewhere_is_not_served(tampered: Path, path: Callable[[Path], str]) -> None:
    add(tampered, path(tampered))

    with pytest.raises(Exception, match=r".") as caught:
        ask(tampered)

    told = str(as_flight(caught.value))
    assert "cannot be read" in told or "is not served" in told
    assert "outside.parquet" not in told
    assert str(tampered) not in told


@pytest.mark.parametrize("target", ["file", "folder"])
def test_table_with_symbolic_link_out_of_its_folder_is_not_served(tampered: Path, target: str) -> None:
    table = tampered / "lake" / "events"
    if target == "file":
        (table / "link.parquet").symlink_to(tampered / "outside.parquet")
        add(tampered, "link.parquet")
    else:
        (table / "linked").symlink_to(tampered)
        add(tampered, "linked/outside.parquet")

    with pytest.raises(Exception, match="outside of its folder"):
        ask(tampered)


def test_table_with_symbolic_link_within_its_folder_is_served(tampered: Path) -> None:
    table = tampered / "lake" / "events"
    shutil.copy(tampered / "outside.parquet", table / "real.parquet")
    (table / "link.parquet").symlink_to(table / "real.parquet")
    add(tampered, "link.parquet")

    assert sum(batch.num_rows for batch in ask(tampered)) == 20


def test_table_with_deletion_vectors_is_not_served(tampered: Path) -> None:
    log = tampered / "lake" / "events" / "_delta_log"
    protocol = {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": ["deletionVectors"],
        "writerFeatures": ["deletionVectors"],
    }
    last = max(int(file.stem) for file in log.glob("*.json") if file.stem.isdecimal())
    (log / f"{last + 1:020}.json").write_text(json.dumps({"protocol": protocol}) + "\n")
    vector = {
        "storageType": "p",
        "pathOrInlineDv": f"file://{tampered}/outside.parquet",
        "offset": 1,
        "sizeInBytes": 4,
        "cardinality": 1,
    }
    shutil.copy(tampered / "outside.parquet", tampered / "lake" / "events" / "real.parquet")
    add(tampered, "real.parquet", deletionVector=vector)

    with pytest.raises(Exception, match=r".") as caught:
        ask(tampered)

    told = str(as_flight(caught.value))
    assert "cannot be read" in told or "is not served" in told
    assert "outside.parquet" not in told


@pytest.mark.parametrize("damage", ["missing", "corrupt", "empty"])
def test_damaged_file_is_told_without_its_path(tampered: Path, damage: str) -> None:
    file = next((tampered / "lake" / "events").rglob("*.parquet"))
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else b"PAR1" + bytes(range(200)) + b"PAR1")

    with pytest.raises(Exception, match=r".") as caught:
        ask(tampered, "select sum(id) from events")

    told = str(as_flight(caught.value))
    assert "cannot be read" in told or "are gone" in told
    assert file.name not in told
    assert str(tampered) not in told

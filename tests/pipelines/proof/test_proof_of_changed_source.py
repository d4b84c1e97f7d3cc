"""Files are counted again as the batch had read them, whatever the pipeline says of them by now."""

from __future__ import annotations

import gzip
import io
from typing import Any

import polars as pl
import pytest

from config.settings import Settings
from config.source import Source
from pipelines.proof.committed_counts import CommittedCounts
from pipelines.proof.proof import prove
from storage.tables.delta import open_table
from storage.tables.log.commits import read_commits
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, land, proof_of, run_and_prove

COLUMNS = {"id": "string", "n": "string"}


@pytest.mark.parametrize(
    ("name", "data", "changed"),
    [
        ("a.csv", b"1,x\n2,y\n", {"csv": {"header": False}}),
        ("a.csv", b'id;n\n1;"x\ny"\n2;y\n', {"csv": {"delimiter": ";"}}),
        ("a.csv", b"id,n\n1,'x\ny'\n", {"csv": {"quote": "'"}}),
        ("a.csv", "id,n\n1,x\n2,y\n".encode("utf-16"), {"csv": {"encoding": "utf-16"}}),
        ("a.csv", b"id,n\n1,x\n2,y\n", {"format": "ndjson"}),
        ("a.txt", b'[{"id": "1"},\n{"id": "2"}]', {"format": "json"}),
        ("a.ndjson", gzip.compress(b'{"id": "1"}\n{"id": "2"}\n', mtime=0), {"compression": "gzip"}),
    ],
)
def test_proof_holds_when_the_pipeline_reads_its_files_in_another_way_since(
    local: Store, name: str, data: bytes, changed: dict[str, Any]
) -> None:
    local.put(f"landing/{name}", data)
    run_and_prove(a_pipeline(local, COLUMNS))

    proof = proof_of(a_pipeline(local, COLUMNS, source=changed))

    assert proof.violations == ()
    assert proof.batches[0].files_recounted == 1


def test_commit_tells_how_files_were_read_and_gives_it_back(local: Store) -> None:
    local.put("landing/a.csv", b"1|x\n")
    source = {
        "csv": {"delimiter": "|", "header": False, "encoding": "latin-1", "booleans": ("yes", "no")},
        "compression": "none",
    }
    pipeline = a_pipeline(local, COLUMNS, source=source)
    run_and_prove(pipeline, SETTINGS)
    table = open_table(pipeline.table.uri)
    assert table is not None

    *_, commit = read_commits(pipeline.table.uri, table.version())
    counts = CommittedCounts.of(commit.ours["metadata"])

    assert counts.as_read(Source(uri=pipeline.source.uri)) == pipeline.source


@pytest.mark.parametrize("limits", [(2**30, 2**20), (2**20, 2**30)])
def test_proof_holds_when_the_limits_are_others_since(local: Store, limits: tuple[int, int]) -> None:
    file = io.BytesIO()
    pl.DataFrame({"id": ["a text of some length"] * 100_000}).write_ipc(file)
    local.put("landing/a.arrow.gz", gzip.compress(file.getvalue()))
    land(local, "b.ndjson", b'{"id": "1"}')
    then, now = (Settings(threads=2, max_unpacked_bytes=limit) for limit in limits)
    run_and_prove(a_pipeline(local, COLUMNS), then)

    proof = prove(a_pipeline(local, COLUMNS), now)

    assert proof.violations == ()
    assert (proof.batches[0].files, proof.batches[0].files_recounted) == (2, 1)

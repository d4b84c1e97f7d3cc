"""A refused record of any format is replayed as what it is: with its header, its line breaks, its types."""

from __future__ import annotations

import gzip
import io
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.names import FILE, RECORD
from pipelines.replay import replay
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, a_pipeline, proof_of, raws, run_and_prove, table

NARROW = {"id": "int64!", "n": "int32", "t": "string"}
WIDE = {**NARROW, "n": "int64"}
BIG = 3_000_000_000


def parquet() -> bytes:
    """Three rows, the second of which needs the wide column."""
    rows = {"id": [1, 2, 3], "n": pa.array([1, BIG, None], pa.int64()), "t": ["x", "y\nz", None]}
    file = io.BytesIO()
    pq.write_table(pa.table(rows), file)
    return file.getvalue()


CASES: dict[str, tuple[dict[str, bytes], dict[str, Any], list[tuple[Any, ...]], list[bytes]]] = {
    "values of a document over several lines": (
        {"a.json": b'[{"id": 1,\n "n": 3000000000,\n "t": "x"}, {"id": 3,\n"n": "y"}, 7]'},
        {},
        [(1, BIG, "x", "a.json", 1)],
        [b'{"id": 3,\n"n": "y"}', b"7"],
    ),
    "records of two headers, with line breaks": (
        {
            "a.csv": b'id,n,t\n2,3000000000,"two\nlines, ""q"""\n3,zz,c\n',
            "b.csv": b't,id,n\n"x\ny",5,3000000000\nq,6,1.5\n',
        },
        {},
        [(2, BIG, 'two\nlines, "q"', "a.csv", 1), (5, BIG, "x\ny", "b.csv", 1)],
        [b"3,zz,c", b"q,6,1.5"],
    ),
    "records without a header": (
        {"a.csv.gz": gzip.compress(b'2,3000000000,"two\nlines"\n3,zz,c\n', mtime=0)},
        {"source": {"format": "csv", "csv": {"header": False}}},
        [(2, BIG, "two\nlines", "a.csv.gz", 1)],
        [b"3,zz,c"],
    ),
    "rows, and lines of another file": (
        {"a.parquet": parquet(), "b.ndjson": b'{"id": 9, "n": 4000000000}\n'},
        {},
        [(2, BIG, "y\nz", "a.parquet", 2), (9, 4_000_000_000, None, "b.ndjson", 1)],
        [],
    ),
    "files in turns": (
        {
            "a.csv": b"id,n,t\n1,3000000000,a\n",
            "b.ndjson": b'{"id": 2, "n": 3000000000}\n',
            "c.csv": b"id,n,t\n3,3000000000,c\n",
        },
        {},
        [(1, BIG, "a", "a.csv", 1), (2, BIG, None, "b.ndjson", 1), (3, BIG, "c", "c.csv", 1)],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_replay_takes_in_records_of_any_format(local: Store, case: str) -> None:
    files, options, expected, left = CASES[case]
    for name, data in files.items():
        local.put(f"landing/{name}", data)
    narrow, wide = (a_pipeline(local, columns, lineage=True, **options) for columns in (NARROW, WIDE))
    run_and_prove(narrow)
    landed = table(narrow).height

    summary = replay(wide, SETTINGS)

    assert proof_of(wide).violations == ()
    assert summary.taken_in == len(expected)
    rows = (
        table(wide).filter(pl.col("n") > 2**31).sort("id").with_columns(pl.col(FILE).str.extract("[^/]+$", 0))
    )
    assert rows.select("id", "n", "t", FILE, RECORD).rows() == expected
    assert table(wide).height == landed + len(expected)
    assert raws(wide) == left


def test_replay_of_records_whose_header_the_contract_now_knows_takes_them_in(local: Store) -> None:
    local.put("landing/a.csv", b"who,what\n1,a\n2,b\n")
    first = a_pipeline(local, NARROW)
    run_and_prove(first)
    assert raws(first) == [b"1,a", b"2,b"]
    now = a_pipeline(local, {"id": "int64", "n": "int32", "t": "string", "who": "int64", "what": "string"})

    assert replay(now, SETTINGS).taken_in == 2

    assert proof_of(now).violations == ()
    assert table(now).sort("who").select("who", "what").rows() == [(1, "a"), (2, "b")]


def test_replay_of_what_stands_for_a_file_says_that_it_cannot(local: Store) -> None:
    local.put("landing/a.parquet", b"PAR1 no parquet at all PAR1")
    local.put("landing/b.ndjson.gz", gzip.compress(b'{"id": 1}\n{"id": 2}', mtime=0)[:-8])
    pipeline = a_pipeline(local, NARROW)
    run_and_prove(pipeline)

    summary = replay(pipeline, SETTINGS)

    assert (summary.open, summary.not_replayable, summary.batches) == (2, 2, ())
    assert proof_of(pipeline).violations == ()

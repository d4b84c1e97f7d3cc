"""Documents, CSV and lines side by side, from the landing zone to the table, the proof and the replay."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable

import polars as pl
import pytest
import zstandard

from config.names import FILE, RECORD
from config.settings import Settings
from pipelines.replay import replay
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    ids,
    proof_of,
    reasons,
    refused,
    run_and_prove,
    table,
)

COLUMNS = {"id": "int64!", "name": "string"}
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
CSV = b'id,name\n1,"a\n""b"""\nx,y\n2,\n'
TSV = b"name\tid\r\na,b\t3\r\nc\r\n"
DOCUMENT = b'[{"id": 4,\n "name": "d"}, 7,\n{"id": "x"}, {"id": 5}]'
LINES = b'{"id": 6}\n\n{"id": 7'


def land_all(store: Store, suffix: str) -> None:
    compress = COMPRESSORS[suffix]
    for name, text in {"a.csv": CSV, "b.tsv": TSV, "c.json": DOCUMENT, "d.json": LINES, "e.csv": CSV}.items():
        store.put(f"landing/{name}{suffix}", compress(text))


@pytest.mark.parametrize("suffix", sorted(COMPRESSORS))
def test_run_takes_in_all_texts_however_they_are_compressed(store: Store, suffix: str) -> None:
    land_all(store, suffix)
    pipeline = a_pipeline(store, COLUMNS, lineage=True)

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 1, 2, 2, 3, 4, 5, 6]
    assert refused(pipeline).select("record", "offset", "reason", "column", "raw", "header").rows() == [
        (2, CSV.index(b"x"), "type_mismatch", "id", b"x,y", "id,name"),
        (2, TSV.index(b"c"), "malformed_csv", None, b"c", "name\tid"),
        (2, DOCUMENT.index(b"7"), "not_an_object", None, b"7", None),
        (3, DOCUMENT.index(b'{"id": "x"'), "type_mismatch", "id", b'{"id": "x"}', None),
        (3, 11, "malformed_json", None, b'{"id": 7', None),
        (2, CSV.index(b"x"), "type_mismatch", "id", b"x,y", "id,name"),
    ]
    place = pl.col(FILE).str.split("/").list.last().str.head(1)
    assert table(pipeline).select(place, RECORD, "name").sort(FILE, RECORD).rows() == [
        ("a", 1, 'a\n"b"'), ("a", 3, None), ("b", 1, "a,b"), ("c", 1, "d"), ("c", 4, None), ("d", 1, None),
        ("e", 1, 'a\n"b"'), ("e", 3, None),
    ]  # fmt: skip


def test_run_in_small_blocks_gives_the_same(local: Store) -> None:
    rows = b"".join(b'%d,"line\n%d, ""%s"""\n' % (i, i, b"x" * (i % 900)) for i in range(40_000))
    elements = b",\n".join(b'{"id": %d,\n"name": "]%s\\""}' % (i, b"x" * (i % 900)) for i in range(40_000))
    local.put("landing/a.csv", b"id,name\n" + rows)
    local.put("landing/b.json", b"[" + elements + b"]")
    pipeline = a_pipeline(local, COLUMNS)

    run_and_prove(pipeline)

    assert reasons(pipeline) == []
    assert ids(pipeline) == sorted([*range(40_000)] * 2)
    lengths = table(pipeline).select(pl.col("name").str.len_bytes().sum()).item()
    in_csv = sum(len(f"line\n{i}, ''") + i % 900 for i in range(40_000))
    assert lengths == in_csv + sum(2 + i % 900 for i in range(40_000))


def test_run_keeps_what_comes_before_the_damage(local: Store) -> None:
    local.put("landing/a.json", b'[{"id": 1}, {"id": 2} {"id": 3}]')
    local.put("landing/b.json.gz", gzip.compress(b'[{"id": 4}, {"id": 5}]')[:-9])
    local.put("landing/c.csv", b"id,id\n1,2\n")
    local.put("landing/d.csv", b"id\n6\n")
    pipeline = a_pipeline(local, COLUMNS)

    run_and_prove(pipeline)

    assert ids(pipeline)[:4] == [1, 2, 4, 5] or ids(pipeline)[:3] == [1, 2, 4]
    assert ids(pipeline)[-1] == 6
    found = refused(pipeline).select("reason", "offset").rows()
    assert found[0] == ("corrupt_document", 22)
    assert found[1][0] == "truncated_file"
    assert found[2] == ("bad_header", 0)


def test_proof_and_replay_after_a_change_of_contract_find_the_records_of_a_header_unknown_before(
    local: Store,
) -> None:
    local.put("landing/a.csv", b"number,title\n1,x\n2,y\n")
    run_and_prove(a_pipeline(local, {"id": "int64", "name": "string"}))
    changed = a_pipeline(local, {"id": "int64", "name": "string", "number": "int64"})
    assert reasons(changed) == [("unknown_header", None)] * 2

    assert proof_of(changed).violations == ()
    assert replay(changed, SETTINGS).taken_in == 2

    assert table(changed)["number"].sort().to_list() == [1, 2]
    assert proof_of(changed).violations == ()


def test_replay_leaves_what_a_file_was_cut_off_at(local: Store) -> None:
    local.put("landing/a.csv.gz", gzip.compress(b"id,name\n1,x\n2,very long\n")[:-10])
    pipeline = a_pipeline(local, COLUMNS)
    run_and_prove(pipeline)
    assert [reason for reason, _ in reasons(pipeline)] == ["truncated_file"]

    assert replay(pipeline, SETTINGS).taken_in == 0

    assert proof_of(pipeline).violations == ()


def test_run_meets_limits_and_not_the_memory(local: Store) -> None:
    settings = Settings(memory_bytes=64 * 2**20, max_record_bytes=2**20, threads=2)
    bomb = b"x" * 40_000_000
    local.put(
        "landing/a.json.gz", gzip.compress(b'[{"id": 1}, {"id": 2, "name": "' + bomb + b'"}, {"id": 3}]')
    )
    local.put("landing/b.csv.gz", gzip.compress(b'id,name\n4,"' + bomb + b'"\n5,y\n'))
    local.put("landing/c.csv.gz", gzip.compress(bomb))
    local.put("landing/d.json.gz", gzip.compress(b'[{"id": 6},' + b" " * 40_000_000 + b'{"id": 7}]'))
    pipeline = a_pipeline(local, COLUMNS)

    run_and_prove(pipeline, settings)

    assert ids(pipeline) == [1, 3, 5, 6, 7]
    assert [reason for reason, _ in reasons(pipeline)] == ["record_too_long"] * 2 + ["bad_header"]
    assert refused(pipeline)["length"].to_list() == [40_000_021, 40_000_004, 40_000_000]


def test_run_declared_json_takes_objects_over_many_lines(local: Store) -> None:
    local.put("landing/a.txt", b'{\n"id": 1\n}\n{\n"id": 2}{"id": 3}')
    pipeline = a_pipeline(local, COLUMNS, source={"format": "json"})

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 2, 3]


def test_run_declared_csv_takes_its_dialect(local: Store) -> None:
    local.put("landing/a.txt", "1;'ä;''b'''\n2;-\n".encode("utf-16"))
    options = {"delimiter": ";", "quote": "'", "header": False, "encoding": "utf-16", "nulls": ["-"]}
    pipeline = a_pipeline(local, COLUMNS, source={"format": "csv", "csv": options})

    run_and_prove(pipeline)

    assert table(pipeline).select("id", "name").sort("id").rows() == [(1, "ä;'b'"), (2, None)]


@pytest.mark.parametrize(("header", "reason"), [(True, "bad_header"), (False, "invalid_utf8")])
def test_run_refuses_utf_16_of_unknown_byte_order_and_goes_on(
    local: Store, header: bool, reason: str
) -> None:
    names = "id,name\n" if header else ""
    local.put("landing/a.csv", f"{names}1,a\n".encode("utf-16"))
    local.put("landing/b.csv", f"{names}2,b\n".encode("utf-16-be"))
    local.put("landing/c.csv", f"{names}3,c\n".encode("utf-16"))
    pipeline = a_pipeline(local, COLUMNS, source={"csv": {"encoding": "utf-16", "header": header}})

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 3]
    assert [found for found, _ in reasons(pipeline)] == [reason]


def test_replay_reads_refused_texts_as_their_files_were(local: Store) -> None:
    local.put("landing/a.csv", b'name,id\n"a\nb",x\nc,1\n')
    local.put("landing/b.tsv", b'id\tname\ny\t"d\t""e"""\n')
    local.put("landing/c.json", b'[{"id":\n"z", "name": "f"}]')
    local.put("landing/d.csv", b"id,name\nw,g\n")
    run_and_prove(a_pipeline(local, COLUMNS))
    loose = a_pipeline(local, {**COLUMNS, "id": "int64"}, contract={"on_mismatch": "rescue"})
    assert len(reasons(loose)) == 4

    summary = replay(loose, SETTINGS)

    assert summary.taken_in == 4
    found = table(loose).sort("name")
    assert found["name"].to_list() == ["a\nb", "c", 'd\t"e"', "f", "g"]
    assert found["_rescued"].to_list() == ['{"id":"x"}', None, '{"id":"y"}', '{"id":"z"}', '{"id":"w"}']
    assert reasons(loose) == []
    assert proof_of(loose).violations == ()

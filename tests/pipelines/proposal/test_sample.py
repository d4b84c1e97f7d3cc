"""How much of a landing zone a sample looks at, and which formats it recognises."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from config.column_syntax import format_columns
from config.settings import MIB, Settings
from pipelines.proposal.sample import MOST_FILES, MOST_RECORDS, Sample, sample_landing
from tests.conftest import Store


def landed(folder: Path, files: int, records: int) -> str:
    for number in range(files):
        lines = "".join(f'{{"file{number}":1,"record":{record}}}\n' for record in range(records))
        (folder / f"{number:03}.ndjson").write_text(lines)
    return str(folder)


def sample_of(folder: Path, **files: bytes) -> Sample:
    """Of files named as the keywords, `__` for a dot."""
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return sample_landing(str(folder), Settings())


def columns(sample: Sample) -> dict[str, object]:
    return format_columns(sample.found.columns)


def parquet(**values: list[Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(values), sink)
    return sink.getvalue()


def test_sample_takes_every_record_of_little(tmp_path: Path) -> None:
    sample = sample_landing(landed(tmp_path, files=3, records=2), Settings())

    assert [sample.found.records, sample.files_read, sample.files_landed] == [6, 3, 3]
    assert columns(sample) == {"file0": "int64", "record": "int64!", "file1": "int64", "file2": "int64"}


def test_sample_spreads_over_the_files_of_much(tmp_path: Path) -> None:
    sample = sample_landing(landed(tmp_path, files=41, records=600), Settings())

    assert sample.found.records == MOST_RECORDS
    assert (sample.files_read, sample.files_landed) == (MOST_FILES, 41)
    seen = [int(name.removeprefix("file")) for name in columns(sample) if name != "record"]
    assert len(seen) == MOST_FILES
    assert max(after - before for before, after in pairwise(seen)) <= 4


def test_sample_takes_the_oldest_and_the_newest_file(tmp_path: Path) -> None:
    landed(tmp_path, files=41, records=1)
    os.utime(tmp_path / "011.ndjson", (1, 1))
    os.utime(tmp_path / "033.ndjson", (4_000_000_000, 4_000_000_000))

    sample = sample_landing(str(tmp_path), Settings())

    assert {"file11", "file33"} <= columns(sample).keys()
    assert sample.files_read == MOST_FILES


def test_sample_looks_into_large_files_from_begin_to_end(tmp_path: Path) -> None:
    lines = [b'{"part%d":1,"pad":"%s"}\n' % (number * 10 // 60_000, b"x" * 90) for number in range(60_000)]

    sample = sample_of(tmp_path, a__ndjson=b"".join(lines))

    assert {"part0", "part9"} <= columns(sample).keys()
    assert (sample.found.records, sample.found.unreadable) == (MOST_RECORDS, 0)


def test_sample_skips_blank_lines_and_empty_files(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, a__ndjson=b"\r\n \t\n{}\r\n", b__ndjson=b"")

    assert (sample.found.records, sample.found.unreadable, sample.files_landed) == (1, 0, 1)


def test_sample_of_long_records_stays_within_the_memory_budget(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes((b"x" * (3 * MIB) + b"\n") * 9)

    sample = sample_landing(str(tmp_path), Settings(memory_bytes=64 * MIB))

    assert 1 <= sample.found.unreadable <= 3


def test_sample_reads_one_record_that_is_longer_than_its_share(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b'{"a": "' + b"x" * (20 * MIB) + b'"}\n')

    assert sample_landing(str(tmp_path), Settings(memory_bytes=64 * MIB)).found.records == 1


def test_sample_passes_over_damage(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, a__ndjson__gz=b"no gzip at all", b__ndjson=b"{}\n")

    assert (sample.found.records, sample.found.unreadable) == (1, 0)


def test_sample_of_empty_folder_is_empty(tmp_path: Path) -> None:
    sample = sample_landing(str(tmp_path), Settings())

    assert (sample.found.records, sample.files_landed) == (0, 0)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.ndjson", b'{"a": 1}\n', "ndjson"),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', "ndjson"),
        ("a.json", b' [{"a": 1},\n {"a": 2}]', "json"),
        ("a.json", b'\xef\xbb\xbf[{"a": 1}]', "json"),
        ("a.json", b'{\n  "a": 1\n}\n{\n  "a": 2\n}\n', "json"),
        ("a.csv", b"a\n1\n2\n", "csv"),
        ("a.tsv", b"a\tb\n1\t2\n", "csv"),
        ("a.log", b'{"a": 1}\n', "ndjson"),
        ("a", b'[{"a": 1}]', "json"),
        ("a.txt", b"a;b\n1;2\n", "csv"),
        ("a.parquet", parquet(a=[1]), "parquet"),
        ("part-0000", parquet(a=[1]), "parquet"),
    ],
)
def test_sample_recognizes_the_format(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(data)

    sample = sample_landing(str(tmp_path), Settings())

    assert sample.source["format"] == kind
    assert columns(sample)["a"] == "int64!"


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_sample_decompresses_by_name_or_by_contents(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.ndjson{suffix}").write_bytes(gzip.compress(b'{"a": 1}\n'))

    sample = sample_landing(str(tmp_path), Settings())

    assert columns(sample) == {"a": "int64!"}
    assert sample.source == {"format": "ndjson"} | ({} if suffix else {"compression": "gzip"})


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress])
def test_sample_decompresses_every_codec(tmp_path: Path, compress: Any) -> None:
    sample = sample_of(tmp_path, a=compress(b"a,b\n1,x\n"))

    assert columns(sample) == {"a": "int64!", "b": "string!"}


def test_sample_of_several_formats_takes_the_most_frequent_and_names_the_others(tmp_path: Path) -> None:
    sample = sample_of(
        tmp_path, a__csv=b"a,b\n1,2\n", b__csv=b"a,b\n1,2\n", c__ndjson=b'{"c": 1}', d__parquet=parquet(d=[1])
    )

    assert columns(sample) == {"a": "int64!", "b": "int64!"}
    assert "format" not in sample.source
    assert dict(sample.notes)[()].endswith("csv, which the columns are from, and 1 ndjson, 1 parquet")
    assert (sample.files_read, sample.files_landed) == (2, 4)


def test_sample_of_lines_and_documents_takes_both(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, a__json=b'[{"a": 1}]', b__ndjson=b'{"b": 1}')

    assert columns(sample) == {"a": "int64", "b": "int64"}
    assert "format" not in sample.source


def test_sample_of_objects_over_several_lines_declares_documents_for_all(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, a__json=b'{"a": 1}\n{"a": 2}', b__json=b'{\n"a": 3}', c__json=b'[{"a": 4}]')

    assert sample.source == {"format": "json"}
    assert sample.found.records == 4


def test_sample_of_a_cut_document_takes_the_elements_before(tmp_path: Path) -> None:
    elements = [json.dumps({"n": number, "pad": "x" * 100}) for number in range(60_000)]

    sample = sample_of(tmp_path, a__json=f"[{','.join(elements)}]".encode())

    assert (sample.found.records, sample.found.unreadable) == (MOST_RECORDS, 0)


def test_sample_of_tabs_and_commas_leaves_the_delimiter_to_the_suffix(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, a__csv=b"a,b\n1,2\n", b__csv=b"a,b\n1,2\n", c__tsv=b"a\tb\n1\t2\n")

    assert sample.source["csv"] == {"header": True}


def test_sample_reads_from_every_store(store: Store) -> None:
    lines = b"".join(b'{"n": %d, "pad": "%s"}\n' % (number, b"x" * 90) for number in range(30_000))
    store.put("json/a.ndjson", lines)
    store.put("json/b.ndjson.gz", gzip.compress(b'{"m": 1}\n'))
    store.put("typed/a.parquet", parquet(n=[1]))
    store.put("typed/b.csv.gz", gzip.compress(b"a\n1\n"))

    text, typed = (sample_landing(store.at(folder), Settings()) for folder in ("json", "typed"))

    assert columns(text) == {"n": "int64", "pad": "dictionary", "m": "int64"}
    assert (text.found.records, text.found.unreadable) == (5001, 0)
    assert columns(typed) == {"n": "int64!"}


def test_sample_names_files_without_a_single_record(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, README__md=b"# About\n\nThis is data.\n", a__ndjson=b'{"a": 1}\n')

    assert "README.md" in dict(sample.notes)[()]
    assert columns(sample) == {"a": "int64!"}


def test_sample_of_damaged_typed_file_takes_the_others(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, a__parquet=b"PAR1 no more", b__parquet=parquet(a=[1, None]))

    assert columns(sample) == {"a": "int64"}

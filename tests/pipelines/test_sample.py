"""How much of a landing zone a sample looks at."""

from __future__ import annotations

from pathlib import Path

from config.settings import MIB, Settings
from pipelines.proposal.sample import MOST_FILES, MOST_RECORDS, sample_landing


def landed(folder: Path, files: int, records: int) -> str:
    for number in range(files):
        lines = "".join(f'{{"file":{number},"record":{record}}}\n' for record in range(records))
        (folder / f"{number:03}.ndjson").write_text(lines)
    return str(folder)


def test_sample_takes_every_record_of_little(tmp_path: Path) -> None:
    sample = sample_landing(landed(tmp_path, files=3, records=2), Settings())

    assert [len(sample.records), sample.files_read, sample.files_landed] == [6, 3, 3]
    assert sample.records[0] == b'{"file":0,"record":0}'


def test_sample_spreads_over_the_files_of_much(tmp_path: Path) -> None:
    sample = sample_landing(landed(tmp_path, files=41, records=600), Settings())

    assert len(sample.records) == MOST_RECORDS
    assert (sample.files_read, sample.files_landed) == (MOST_FILES, 41)
    assert b'{"file":38,"record":0}' in sample.records


def test_sample_skips_blank_lines_and_empty_files(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"\r\n \t\n{}\r\n")
    (tmp_path / "b.ndjson").write_bytes(b"")

    sample = sample_landing(str(tmp_path), Settings())

    assert (sample.records, sample.files_landed) == ((b"{}",), 1)


def test_sample_of_long_records_stays_within_the_memory_budget(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes((b"x" * (3 * MIB) + b"\n") * 9)

    sample = sample_landing(str(tmp_path), Settings(memory_bytes=64 * MIB))

    assert len(sample.records) == 3


def test_sample_passes_over_damage(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson.gz").write_bytes(b"no gzip at all")
    (tmp_path / "b.ndjson").write_bytes(b"{}\n")

    assert sample_landing(str(tmp_path), Settings()).records == (b"{}",)


def test_sample_of_empty_folder_is_empty(tmp_path: Path) -> None:
    assert sample_landing(str(tmp_path), Settings()).records == ()

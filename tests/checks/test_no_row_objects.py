"""What checks/no_row_objects.py refuses, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.no_row_objects import find_row_objects, main


def names_found(folder: Path, source: str) -> list[str]:
    path = folder / "sample.py"
    path.write_text(source)
    return [finding.name for finding in find_row_objects(path)]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("values = column.to_pylist()", "to_pylist"),
        ("for row in frame.iter_rows(): pass", "iter_rows"),
        ("values = frame.rows()", "rows"),
        ("frame.select(pl.col('a').map_elements(f))", "map_elements"),
        ("read = column.to_pylist", "to_pylist"),
        ("table.to_pandas().itertuples()", "itertuples"),
        ("import json\nvalue = json.loads(text)", "json.loads"),
        ("import json as j\nvalue = j.load(file)", "json.load"),
        ("import orjson\nparse = orjson.loads", "orjson.loads"),
        ("import msgspec.json\nvalue = msgspec.json.decode(b'')", "msgspec.json.decode"),
        ("from json import dumps, loads", "json.loads"),
    ],
)
def test_find_row_objects_refused_name_is_found(tmp_path: Path, source: str, name: str) -> None:
    assert name in names_found(tmp_path, source)


@pytest.mark.parametrize(
    "source",
    [
        "import json\ntext = json.dumps(counts)",
        "rows = frame.height",
        "batch.rows_written",
        "total = sum(file.rows for file in files)",
        "value = yaml.loads(text)",
        "from json import dumps",
        '"""Never calls to_pylist() or json.loads()."""',
    ],
)
def test_find_row_objects_harmless_code_passes(tmp_path: Path, source: str) -> None:
    assert names_found(tmp_path, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "paths = log.to_pylist()  # row objects allowed: one value a file",
        "# row objects allowed: one value a file\npaths = log.to_pylist()",
        "paths = (\n    log\n    .to_pylist()  # row objects allowed: one value a file\n)",
        "paths = (\n    log.to_pylist()\n)  # row objects allowed: one value a file",
        "for path in log.to_pylist():  # row objects allowed: one value a file\n    pass",
    ],
)
def test_find_row_objects_with_reason_passes(tmp_path: Path, source: str) -> None:
    assert names_found(tmp_path, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "paths = log.to_pylist()  # row objects allowed:",
        "a = 1  # row objects allowed: for a\npaths = log.to_pylist()",
        "for path in log.to_pylist():\n    a = 1  # row objects allowed: for a",
    ],
)
def test_find_row_objects_without_reason_of_its_own_is_found(tmp_path: Path, source: str) -> None:
    assert names_found(tmp_path, source) == ["to_pylist"]


def test_main_with_finding_prints_place_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "bad.py").write_text("\nvalues = column.to_pylist()\n")

    status = main([str(tmp_path)])

    assert status == 1
    assert "bad.py:2: to_pylist" in capsys.readouterr().out


def test_main_without_finding_passes(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("total = column.sum()\n")

    assert main([str(tmp_path)]) == 0

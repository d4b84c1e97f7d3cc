"""The documents say what the code does."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from config.settings import Settings
from config.units import format_bytes

ROOT = Path(__file__).parents[2]
FIRST_CELL = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9-]+")
ROOT_PAGES = sorted(path.relative_to(ROOT) for path in ROOT.glob("*.md"))
DOC_PAGES = sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md"))
LOCKS = (
    "requirements.lock",
    "requirements-service.lock",
    "tests/readers.lock",
    "tests/contract_table/spark.lock",
)


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def documented_settings() -> dict[str, str]:
    rows = re.findall(r"^\| `PENSTOCK_(\w+)` \| (.+?) \|", read("docs/settings.md"), re.MULTILINE)
    return {name: default.strip("`") for name, default in rows}


def test_settings_document_names_every_variable_once_and_no_other() -> None:
    source = read("config/settings.py")

    assert sorted(documented_settings()) == sorted(set(re.findall(r"PENSTOCK_([A-Z][A-Z_]*)", source)))


def test_settings_document_gives_the_real_defaults() -> None:
    defaults, documented = Settings.from_environment({}), documented_settings()

    assert documented["MEMORY"] == format_bytes(defaults.memory_bytes)
    assert documented["MAX_RECORD"] == format_bytes(defaults.max_record_bytes)
    assert documented["MAX_NESTING"] == str(defaults.max_nesting)
    assert documented["PIPELINES"] == str(defaults.pipelines)


def test_settings_document_every_default_reads_back_as_the_default() -> None:
    spelled = {
        f"PENSTOCK_{name}": default
        for name, default in documented_settings().items()
        if name not in ("THREADS", "SETTINGS", "DASK_SCHEDULER", "DASK_WORKERS")
    }

    assert Settings.from_environment(spelled) == Settings.from_environment({})


def test_dependencies_document_names_every_requirement_once_and_no_other() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    others = (read("tests/readers.in") + read("tests/contract_table/spark.in")).splitlines()
    readers = [line for line in others if not line.startswith("#")]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["serving"], *extras["service"], *extras["dev"], *readers]
    names = [match[0] for one in required if (match := REQUIREMENT_NAME.match(one))]

    assert FIRST_CELL.findall(read("docs/dependencies.md")) == names


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_file_pins_and_hashes_every_package_and_names_no_address(lock: str) -> None:
    text = read(lock)
    requirements = re.findall(r"^\S.*==.*(?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+", text, re.MULTILINE)
    rest = [line for line in text.splitlines() if not line.startswith(("#", "    "))]

    assert len(requirements) == len(rest)
    assert not re.search(r"https?:|file:|--index|--find-links|(?<!\w)/\w", text)


def test_map_in_contributing_names_every_folder_of_code() -> None:
    folders = {f"{path.parent.name}/" for path in ROOT.glob("[a-z]*/__init__.py")} | {"tests/", "docs/"}

    assert folders <= set(FIRST_CELL.findall(read("CONTRIBUTING.md")))


@pytest.mark.parametrize("page", [*ROOT_PAGES, *DOC_PAGES], ids=str)
def test_document_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(str(page)))

    assert [link for link in links if not (ROOT / page.parent / link).exists()] == []


def test_benchmarks_document_gives_the_measured_stages() -> None:
    measured = json.loads(read("docs/benchmarks/stages.json"))["stages"]
    rows = re.findall(
        r"^\| ([a-z, ]+) \| ([\d.]+) s \| (\d+) % \|$", read("docs/benchmarks/README.md"), re.MULTILINE
    )

    assert rows == [
        (name, f"{one['cpu_s']:.2f}", f"{100 * one['share']:.0f}") for name, one in measured.items()
    ]

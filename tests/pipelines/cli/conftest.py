"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.pipeline import Pipeline
from tests.pipelines.cli.calling import write_spec


@pytest.fixture
def taken_in_spec(taken_in: Pipeline, tmp_path: Path) -> Path:
    """The file of the pipeline `taken_in`."""
    return write_spec(tmp_path, taken_in)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables for people as wide as they like, whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "300")

"""What the README shows works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.spec_file import parse_pipeline
from pipelines.cli.app import COMMANDS

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_readme_every_pipeline_loads(text: str) -> None:
    assert parse_pipeline(text, file="README.md").table.mode == "append"


def test_readme_lists_every_command() -> None:
    assert re.findall(r"^\| `penstock (\w+)", README, re.MULTILINE) == list(COMMANDS)


def test_readme_first_pipeline_runs_as_it_stands(tmp_path: Path) -> None:
    (script,) = blocks("sh")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # holds the compiled decoder

    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=os.environ | {"HOME": str(tmp_path), "PATH": path, "XDG_CACHE_HOME": caches},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert '{"coupon":"X1"}' in ran.stdout
    assert "type_mismatch" in ran.stdout
    assert "orders: holds for 2 batches, 4 records" in ran.stdout

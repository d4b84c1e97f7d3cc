"""The command line in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from config.pipeline import Pipeline
from config.spec_file import dump_pipeline
from pipelines.cli.app import app

ROOT = Path(__file__).parents[3]
MAIN = "from pipelines.cli import main; main()"


def call(*arguments: object) -> Result:
    """Runs the command here; an exception that is no error of ours comes through."""
    return CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)


def called(*arguments: object) -> str:
    """What the command prints, which must go well and tell nothing on standard error."""
    result = call(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def call_json(*arguments: object) -> Any:
    """The one document on standard output, with nothing else there or on standard error."""
    return json.loads(called(*arguments, "--json"))


def start(*arguments: object, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    """A process of its own, its output in pipes unless `options` say otherwise."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", MAIN, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})},
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def write_spec(folder: Path, pipeline: Pipeline) -> Path:
    """The file of a pipeline, named as it is."""
    path = folder / f"{pipeline.name}.yaml"
    path.write_text(dump_pipeline(pipeline), encoding="utf-8")
    return path

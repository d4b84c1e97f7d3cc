"""The end of the process: everything said, every exit function run, the interpreter not taken apart."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.pipelines.cli.calling import ROOT

_PROGRAM = """
import atexit, sys
from pipelines.cli.ending import Ending

class Late:
    def __del__(self):
        print("taken apart", flush=True)

late, ending = Late(), Ending()
ending.register()
atexit.register(print, "exit function")
print("output")
{rest}
"""


@pytest.mark.parametrize(
    ("rest", "status", "error"),
    [
        ("ending.status = 3; sys.exit(0)", 3, ""),
        ("sys.exit(0)", 1, ""),
        ("raise LookupError('gone')", 1, "LookupError: gone\n"),
        ("sys.stdout.flush(); sys.stdout = None; ending.status = 0", 0, ""),
    ],
    ids=["with a status", "without one", "by an error", "without standard output"],
)
def test_end_runs_exit_functions_and_takes_nothing_apart(rest: str, status: int, error: str) -> None:
    program = [sys.executable, "-c", _PROGRAM.format(rest=rest)]

    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)

    assert "taken apart" not in ended.stdout
    assert ended.stdout == ("output\n" if "None" in rest else "output\nexit function\n")
    assert (ended.returncode, ended.stderr[-len(error) :] if error else ended.stderr) == (status, error)

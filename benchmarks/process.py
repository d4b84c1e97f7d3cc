"""Runs a command as a process of its own and measures it from outside."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process used, from its start to its end, its threads and waited-for children included."""

    wall_s: float
    cpu_s: float
    peak_memory_bytes: int


def run_measured(command: Sequence[str | Path], *, log: Path) -> Usage:
    """Runs the command to its end; its standard output and error go to `log`.

    The peak is the kernel's `ru_maxrss`. Linux starts a child's count at what its parent held when it
    was forked, so the process that calls this must itself stay small: no Polars, no DuckDB in it.

    Raises:
        SystemExit: The command failed; with the end of what it printed.
    """
    os.sync()  # or the pages that the one before left dirty are written on this one's time
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(errors="replace")[-4000:]
        raise SystemExit(f"exit status {process.returncode}: {command}\n{tail}")
    return Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * KIB)

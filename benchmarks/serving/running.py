"""Servers as processes of their own: started, waited for, looked at from outside, ended. Linux only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PENSTOCK = ("-c", "from pipelines.cli import main; main()")
_KIB = 1024
_DEADLINE_S = 120


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        uri: Where it listens.
        pid: Its process.
    """

    uri: str
    pid: int

    def cpu_s(self) -> float:
        """CPU time so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def peak_memory_bytes(self) -> int:
        """The most resident memory that the kernel saw since this was last asked."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # begins anew
        return peak * _KIB


@contextmanager
def running(*command: str | Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Runs Python with these arguments until the block ends; it prints `{"uri": …}` once it listens."""
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed below)
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        if process.stdout is None or not (line := process.stdout.readline()):
            log.seek(0)
            raise SystemExit(f"the server did not start: {command}\n{log.read()[-4000:]}")
        yield Server(json.loads(line)["uri"], process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def ask(module: str, *arguments: str | int) -> Any:
    """What one of our own modules prints as JSON, run as a process of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)


def penstock(*arguments: str | Path) -> tuple[str | Path, ...]:
    """The arguments of Python that are the command `penstock`."""
    return (*_PENSTOCK, *arguments)


SERVE = penstock("serve", "--port", "0", "--json")
"""The server that is measured, on any port that is free."""

NO_CACHE = {"PENSTOCK_CACHE": "0"}
LARGE_CACHE = {"PENSTOCK_CACHE": "4 GiB"}
"""What the server keeps decoded: nothing; more than the table is."""


def serving(pipelines: Path, cache: Mapping[str, str]) -> AbstractContextManager[Server]:
    """The server over a folder of pipelines, with one of these caches; with `{}` that of its own."""
    return running(*SERVE, environment={"PENSTOCK_PIPELINES": str(pipelines), **cache})


def peaks(servers: Mapping[str, Server]) -> dict[str, int]:
    """The peak memory of each."""
    return {name: server.peak_memory_bytes() for name, server in servers.items()}

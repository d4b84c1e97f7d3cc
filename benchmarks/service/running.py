"""A Prefect server, a worker and commands in a folder, for as long as a measurement takes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PENSTOCK = (sys.executable, "-c", "from pipelines.cli import main; main()")
_DEADLINE_S = 300
_KIB = 1024


@dataclass(frozen=True)
class Service:
    """A folder with pipelines, and a server to deploy them to."""

    folder: Path
    api_url: str
    environment: dict[str, str]

    def penstock(self, *arguments: str) -> float:
        """Runs a command to its good end; the seconds that it took."""
        begun = time.perf_counter()
        subprocess.run(
            [*_PENSTOCK, *arguments], cwd=self.folder, env=self.environment, check=True, capture_output=True
        )
        return time.perf_counter() - begun

    def post(self, path: str, body: object) -> Any:
        """The answer of the API."""
        request = urllib.request.Request(
            self.api_url + path, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    @contextmanager
    def worker(self) -> Iterator[int]:
        """A worker; its process id."""
        with _running([*_PENSTOCK, "worker"], self.folder, self.environment) as process:
            yield process.pid


@contextmanager
def running_service(folder: Path) -> Iterator[tuple[Service, int]]:
    """A server on a free port whose data lie in `folder`, and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    home = {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_API_URL": url}
    environment = {**os.environ, **home, "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with _running(command, folder, environment) as process:
        wait_for(lambda: _answers(url))
        yield Service(folder, url, environment), process.pid


def wait_for(ask: Callable[[], bool]) -> None:
    """Returns when `ask` is true.

    Raises:
        TimeoutError: It was not within five minutes.
    """
    until = time.monotonic() + _DEADLINE_S
    while not ask():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {_DEADLINE_S} s")
        time.sleep(0.02)


def cpu_seconds(session: int) -> float:
    """CPU time of the processes of a session that are alive, and of their children that have ended."""
    return sum(sum(map(int, one[11:15])) for one in _processes(session)) / os.sysconf("SC_CLK_TCK")


def memory_bytes(session: int) -> int:
    """Resident memory of the processes of a session; what they share is counted for each."""
    return sum(int(one[21]) for one in _processes(session)) * os.sysconf("SC_PAGE_SIZE")


def _processes(session: int) -> Iterator[list[str]]:
    """The fields of /proc/PID/stat from the third on."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[3]) == session:
            yield fields


@contextmanager
def _running(
    command: Sequence[str], folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/health", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False

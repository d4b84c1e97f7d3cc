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

from pipelines.service.prefect_parts import prefect_environment

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
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as response:
            return json.load(response)

    def completed(self) -> int:
        """How many runs have come to a good end."""
        query = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        return int(self.post("/flow_runs/count", query))

    @contextmanager
    def worker(self) -> Iterator[int]:
        """A worker; its process id."""
        with _running([*_PENSTOCK, "worker"], self.folder, self.environment) as process:
            yield process.pid


@contextmanager
def running_service(folder: Path) -> Iterator[tuple[Service, int]]:
    """A server as `penstock up` starts it, whose data lie in `folder`, and its process id.

    Without CSRF tokens, which would only be one more thing to ask for here.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    ours = prefect_environment(folder / "prefect", "127.0.0.1", port, {})
    environment = {**os.environ, **ours, "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "false"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
    with _running(command, folder, environment) as process:
        wait_for(lambda: _answers(url) or _ended(process, folder))
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


def _ended(process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError((folder / "service.log").read_text()[-2000:])
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/health", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False

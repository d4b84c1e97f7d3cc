"""A real Prefect server on a free loopback port, with a home of its own, for as long as a test needs it."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from pipelines.service.program import PREFECT_SERVER

START_DEADLINE_S = 120
STOP_DEADLINE_S = 30
BUSY_DEADLINE_S = 180
ANSWER_DEADLINE_S = 120

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """A running server.

    Attributes:
        environment: What a client of it needs.
        auth: `user:password`; None where it asks for none.
        process_id: Of the server, which leads a process group.
    """

    api_url: str
    environment: dict[str, str]
    auth: str | None = None
    process_id: int = 0

    def post(self, path: str, body: object) -> Any:
        """The answer to a request with a JSON body."""
        request = urllib.request.Request(
            f"{self.api_url}{path}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json", **self._authorization()},
        )
        return wait_for(lambda: _answer(request), deadline_s=BUSY_DEADLINE_S, what=f"answer to {path}")

    def _authorization(self) -> dict[str, str]:
        if self.auth is None:
            return {}
        return {"authorization": "Basic " + base64.b64encode(self.auth.encode()).decode()}

    def is_healthy(self) -> bool | None:
        """True once the server answers; None until then."""
        try:
            with urllib.request.urlopen(f"{self.api_url}/health", timeout=5) as response:
                return response.status == 200 or None
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None


@contextmanager
def running_prefect_server(
    home: Path, settings: Mapping[str, str] | None = None, port: int | None = None
) -> Iterator[PrefectServer]:
    """Starts a server and stops it, with all it started, at the end.

    Args:
        home: The server keeps everything in this folder, and goes on with what is there.
        settings: Variables of the server.
        port: A free one unless given.

    Raises:
        TimeoutError: It did not become healthy in time.
    """
    port = port or _free_port()
    api_url = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": api_url,
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        **(settings or {}),
    }
    auth = environment.get("PREFECT_SERVER_API_AUTH_STRING")
    if auth is not None:
        environment["PREFECT_API_AUTH_STRING"] = auth
    command = [*PREFECT_SERVER, "start", "--host", "127.0.0.1", "--port", str(port)]
    home.mkdir(parents=True, exist_ok=True)
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            server = PrefectServer(api_url, environment, auth, process.pid)
            wait_for(server.is_healthy, deadline_s=START_DEADLINE_S, what="a healthy Prefect server")
            yield server
        finally:
            _stop(process)


def _answer(request: urllib.request.Request) -> Any:
    """What the server says; None while its database is locked by somebody else."""
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_DEADLINE_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return None


def wait_for(ask: Callable[[], T | None], *, deadline_s: float, what: str) -> T:
    """The first answer that is not None.

    Raises:
        TimeoutError: There was none before the deadline.
    """
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        if (answer := ask()) is not None:
            return answer
        time.sleep(0.2)
    raise TimeoutError(f"no {what} within {deadline_s} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process group that the process leads: politely, then by force."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_DEADLINE_S)
    except ProcessLookupError:  # a test has killed it
        process.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_DEADLINE_S)

"""`penstock up` as a user starts it: from an empty folder to the rows of a landed file, and to its end."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import s3fs

from tests.object_store import free_ports, is_free
from tests.prefect_server import ANSWER_DEADLINE_S, wait_for

pytestmark = pytest.mark.long

DEADLINE_S = 400
PIPELINE = """
name: orders
source: {uri: "s3://landing/orders"}
contract: {columns: {id: int64!}}
table: {uri: "s3://lake/orders"}
schedule: {every: 5s}
"""
AUTH = "user:long password"


@dataclass
class Up:
    """A service that is ready: what it said, and the environment of a shell that sourced its file."""

    process: subprocess.Popen[str]
    said: Any
    environment: dict[str, str]

    def land(self, name: str, records: str) -> None:
        """Puts a file into the landing zone."""
        client = s3fs.S3FileSystem(
            key=self.environment["AWS_ACCESS_KEY_ID"], secret=self.environment["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=self.environment["AWS_ENDPOINT_URL"], skip_instance_cache=True,
        )  # fmt: skip
        client.pipe_file(f"landing/orders/{name}", records.encode())

    def ids(self) -> list[int]:
        """What the table holds; empty where it is not there yet."""
        ran = subprocess.run(
            [*PENSTOCK, "scan", "orders", "--json"],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return sorted(one["id"] for one in json.loads(ran.stdout)) if ran.returncode == 0 else []

    def status_of(self, path: str, body: bytes | None = None, **headers: str) -> int:
        """What the API answers; with a body to a POST, which needs a CSRF token."""
        url = self.environment["PREFECT_API_URL"] + path
        request = urllib.request.Request(
            url, data=body, headers={"content-type": "application/json", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_DEADLINE_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


PENSTOCK = [sys.executable, "-P", "-m", "pipelines.cli"]


@contextmanager
def running_up(folder: Path, *arguments: str, **environment: str) -> Iterator[Up]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PREFECT_"))}
    process = subprocess.Popen(
        [*PENSTOCK, "up", "--json", *arguments],
        cwd=folder, env=given | environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "\n".join(log.read_text()[-3000:] for log in folder.glob(".penstock/logs/*.log"))
        said = json.loads(line)
        sourced = subprocess.run(
            ["sh", "-c", f". {said['environment_file']}; env -0"], capture_output=True, text=True, check=True
        ).stdout
        shell = dict(one.split("=", 1) for one in sourced.split("\0") if one)
        yield Up(process, said, given | environment | shell)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def ports() -> list[str]:
    """Options with free ports: the store takes five in a row."""
    prefect, metrics, serve = free_ports(3)
    store = next(
        one for one in free_ports(200)
        if all(is_free(near + far) for near in range(one, one + 5) for far in (0, 10_000))
        and not {prefect, metrics, serve} & set(range(one, one + 5))
    )  # fmt: skip
    near = ["--metrics-port", f"{metrics}", "--serve-port", f"{serve}"]
    return ["--store-port", f"{store}", "--prefect-port", f"{prefect}", *near]


def test_up_takes_in_what_lands_and_goes_on_with_the_same_data(tmp_path: Path) -> None:
    (tmp_path / "pipelines.d").mkdir()
    (tmp_path / "pipelines.d" / "orders.yaml").write_text(PIPELINE)
    given = ports()

    begin = time.monotonic()
    with running_up(tmp_path, *given, PREFECT_SERVER_API_AUTH_STRING=AUTH) as up:
        ready = time.monotonic()
        up.land("a.ndjson", '{"id": 1}\n{"id": 2}\n')
        first = wait_for(lambda: up.ids() or None, deadline_s=DEADLINE_S, what="rows")
        print(f"ready after {ready - begin:.1f} s, rows after {time.monotonic() - begin:.1f} s")  # noqa: T201
        unauthorized = up.status_of("/work_pools/penstock")
        authorization = "Basic " + base64.b64encode(AUTH.encode()).decode()
        forged = up.status_of("/flow_runs/filter", b"{}", authorization=authorization)
        key = up.environment["AWS_SECRET_ACCESS_KEY"]
        second = subprocess.run(
            [*PENSTOCK, "up", *given],
            cwd=tmp_path,
            env=up.environment,
            capture_output=True,
            text=True,
            check=False,
        )
    with running_up(tmp_path, *ports(), PREFECT_SERVER_API_AUTH_STRING=AUTH) as up:
        up.land("b.ndjson", '{"id": 3}\n')
        wait_for(lambda: up.ids() == [1, 2, 3] or None, deadline_s=DEADLINE_S, what="more rows")
        logs = "".join(log.read_text() for log in tmp_path.glob(".penstock/logs/*"))

    assert first == [1, 2]
    assert (unauthorized, forged) == (401, 403)  # no password; a password, but no CSRF token
    assert second.returncode == 1
    assert "running with this data folder already" in second.stderr
    assert up.process.returncode == 0
    assert key not in logs and AUTH not in logs

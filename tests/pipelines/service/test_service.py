"""A service ends whole, however it ends: no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEADLINE_S = 60

Parts = dict[str, str]


class Small:
    """A running service of shell commands; each `$$` that they write into a file `NAME.pid` is watched."""

    def __init__(self, folder: Path, parts: Parts) -> None:
        self.folder = folder
        arguments = [f"{name}={command}" for name, command in parts.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipelines.service.small_service", str(folder / "data"), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pid(self, name: str) -> int:
        """The process that wrote itself down as `name`."""
        return int(eventually(lambda: (self.folder / f"{name}.pid").read_text().strip()))

    def supervisor(self) -> int:
        """The process that runs honcho."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def ended(self) -> tuple[int, str]:
        """Exit status and standard error."""
        _, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, err


def eventually(ask: object) -> str:
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        try:
            if answer := ask():  # type: ignore[operator]
                return str(answer)
        except OSError:
            pass
        time.sleep(0.02)
    raise TimeoutError


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """Two parts that stay, one of which has left a process in a session of its own."""
    escape = f"setsid sh -c 'echo $$ > {tmp_path}/escaped.pid; exec sleep 1000' &"
    service = Small(
        tmp_path,
        {
            "store": f"echo $$ > {tmp_path}/store.pid; echo hello; exec sleep 1000",
            "worker": f"echo $$ > {tmp_path}/worker.pid; {escape} exec sleep 1000",
        },
    )
    assert service.process.stdout is not None
    assert service.process.stdout.readline() == "ready\n"
    yield service
    service.process.terminate()
    service.process.communicate(timeout=DEADLINE_S)


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
def test_service_ends_well_on_a_signal_and_leaves_no_process(small: Small, number: int) -> None:
    pids = [small.pid(name) for name in ("store", "worker", "escaped")]

    small.process.send_signal(number)

    assert small.ended() == (0, "")
    assert all(map(is_gone, pids))


def test_service_tells_which_part_died_and_stops_the_rest(small: Small) -> None:
    pids = [small.pid(name) for name in ("store", "worker", "escaped")]

    os.kill(small.pid("worker"), signal.SIGKILL)
    status, err = small.ended()

    assert status == 1
    assert "worker ended, so the rest was stopped" in err
    assert str(small.folder / "data" / "logs" / "worker.log") in err
    assert "killed by SIGKILL" in err
    assert all(map(is_gone, pids))


def test_service_whose_supervisor_is_killed_leaves_no_process(small: Small) -> None:
    pids = [small.pid(name) for name in ("store", "worker", "escaped")]

    os.kill(small.supervisor(), signal.SIGKILL)

    status, err = small.ended()
    assert status == 1
    assert "where: " in err and "the supervisor.log" not in err  # no file that is not there
    assert all(map(is_gone, pids))


def test_service_that_is_killed_itself_leaves_no_process_for_long(small: Small) -> None:
    pids = [small.pid(name) for name in ("store", "worker", "escaped")]

    small.process.kill()

    for pid in pids:
        eventually(lambda pid=pid: is_gone(pid))


def test_service_with_a_part_that_fails_at_once_tells_its_status(tmp_path: Path) -> None:
    status, err = Small(tmp_path, {"store": "exec sleep 1000", "deploy": "echo oh no; exit 3"}).ended()

    assert status == 1
    assert "deploy ended" in err
    assert "exit status 3" in err
    assert "oh no" in (tmp_path / "data" / "logs" / "deploy.log").read_text()


@pytest.mark.long
def test_service_keeps_what_parts_print_in_their_logs(small: Small) -> None:
    log = small.folder / "data" / "logs" / "store.log"

    assert eventually(lambda: "hello" in log.read_text())

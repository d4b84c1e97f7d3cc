"""The supervising process, as the command that started it sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.service.data_folder import DataFolder
from pipelines.service.kinship import adopt_orphans, exit_status, kill_descendants, reap_adopted
from pipelines.service.part import Part

STOP_WITHIN_S = 15
"""The supervisor needs 8 s at most; when it hangs, or has been killed, its parts are killed here."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A part that ended, by itself or by force; a negative status is the number of a signal."""

    part: str
    status: int


class Supervisor:
    """Runs parts until one ends; whatever happens, none is left after `stop`."""

    def __init__(self, folder: DataFolder, parts: Sequence[Part], *, verbose: bool) -> None:
        self._names = {part.name for part in parts}
        self._pids: dict[str, int] = {}
        self._ended: Ended | None = None
        adopt_orphans()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.service.supervise"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us to pass on
            pass_fds=[folder.lock],  # the folder is taken as long as any part lives
        )
        self._send(_plan(folder, parts, verbose=verbose))

    def ended(self) -> Ended | None:
        """The first part that ended; None as long as all run."""
        reap_adopted(self._process.pid)
        self._listen()
        self._look()
        if self._ended is None and (status := self._process.poll()) is not None:
            self._ended = Ended("the supervisor", status)
        return self._ended

    def stop(self) -> None:
        """Ends all parts: politely, then by force. A Ctrl-C meanwhile means: at once."""
        try:
            # honcho cannot stop parts before it has started them.
            while self._pids.keys() != self._names and self.ended() is None:
                self._listen()
            self._process.terminate()
            self._process.wait(STOP_WITHIN_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass
        finally:
            kill_descendants()

    def _send(self, plan: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(plan).encode())
        self._process.stdin.close()
        os.set_blocking(self._process.stdout.fileno(), False)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout.readlines():
            told = json.loads(line)  # row objects allowed: an event of a part
            if told["event"] == "started":
                self._pids[told["part"]] = told["number"]
            elif self._ended is None:
                self._ended = Ended(told["part"], told["number"])

    def _look(self) -> None:
        """Honcho hears of an end only when nobody holds the part's output open, an escaped process say."""
        for part, pid in self._pids.items():
            if self._ended is None and (status := exit_status(pid)) is not None:
                self._ended = Ended(part, status)


def _plan(folder: DataFolder, parts: Sequence[Part], *, verbose: bool) -> dict[str, object]:
    return {
        "parent": os.getpid(),
        "logs": str(folder.path / "logs"),
        "verbose": verbose,
        "parts": [
            {
                "name": part.name,
                "line": part.shell_line(folder.markers),
                "environment": dict(part.environment),
                "folder": None if part.folder is None else str(part.folder),
            }
            for part in parts
        ],
    }

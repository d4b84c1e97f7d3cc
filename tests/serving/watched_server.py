"""`penstock serve` as a process whose memory is looked at from outside; Linux only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from tests.pipelines.cli.calling import start

MIB = 2**20
_END_S = 60


@dataclass(frozen=True)
class WatchedServer:
    """A running server.

    Attributes:
        uri: Where it listens.
        pid: Its process.
    """

    uri: str
    pid: int

    def memory_bytes(self) -> int:
        """What is resident now, without pages of files."""
        return self._status("RssAnon")

    def settled_memory_bytes(self, for_s: float = 1, within_s: float = 60) -> int:
        """The same, when it has not grown by a MiB for a while, or the time is over."""
        ends, seen, seen_at = time.monotonic() + within_s, 0, time.monotonic()
        while time.monotonic() < min(ends, seen_at + for_s):
            if (now := self.memory_bytes()) > seen + MIB:
                seen, seen_at = now, time.monotonic()
            time.sleep(0.05)
        return self.memory_bytes()

    def is_alive(self) -> bool:
        """Whether its process runs; one that has died is seen as such before it is waited for."""
        try:
            return "\nState:\tZ" not in Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return False

    def _status(self, name: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@contextmanager
def watched(folder: Path, *options: str, **environment: str) -> Iterator[WatchedServer]:
    """A server over a pipelines folder, until the block ends.

    Args:
        folder: The pipelines folder; standard error goes to `server.log` in it.
        options: Of `penstock serve`.
        environment: Settings.
    """
    log = folder / "server.log"
    variables = {"PENSTOCK_PIPELINES": str(folder), **environment}
    with log.open("w") as said:
        process = start("serve", "--port", "0", "--json", *options, cwd=folder, env=variables, stderr=said)
        try:
            line = process.stdout.readline() if process.stdout else ""
            assert line, log.read_text(encoding="utf-8")
            yield WatchedServer(json.loads(line)["uri"], process.pid)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=_END_S)
            except TimeoutExpired:
                process.kill()
                raise

"""One part of the service."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A process, and how one sees that it is ready.

    Attributes:
        command: The program and its arguments.
        environment: Variables beside those that this process has.
        after: Names of the parts that must be ready before this one starts.
        host: The address that it listens at.
        ports: And its ports there.
        option: The option of `penstock up` that moves its ports.
        url: Where a person finds it; None where there is nothing to open.
        is_ready: Asked about every quarter of a second; None for a command that ends, and is ready then.
        folder: Where it runs; the current one where it is None.
    """

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool] | None
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    ports: tuple[int, ...] = ()
    option: str = ""
    url: str | None = None
    folder: Path | None = None

    def shell_line(self, markers: Path) -> str:
        """What a shell runs: wait for the others, then the command in the shell's place.

        A command that ends leaves its marker and goes on as a sleep: of parts that run, each end is news.
        """
        waits = [
            f"until [ -e {shlex.quote(str(markers / name))} ]; do sleep 0.1; done" for name in self.after
        ]
        command = shlex.join(self.command)
        if self.is_ready is not None:
            return "; ".join([*waits, f"exec {command}"])
        done = shlex.quote(str(markers / self.name))
        return "; ".join([*waits, f"{command} && : > {done} && exec sleep infinity"])

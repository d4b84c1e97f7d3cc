"""The process that runs the parts, by honcho: started by `penstock up`, told what to run on standard input.

When one part ends, honcho ends the others. Their output goes to their logs. On standard output it tells,
a JSON document a line, which part started and which stopped.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from contextlib import suppress
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from pipelines.service.kinship import adopt_orphans, end_with_parent, kill_descendants

_END_WITHIN_S = 8
"""honcho kills parts after 5 s; this is for what it cannot see."""

_LOG_BYTES, _OLDER_LOGS = 10 * 1024 * 1024, 2
_END = re.compile(r"SIG(INT|TERM) received|stopped \(rc=")
_EVENT = re.compile(r"(\S+) (started|stopped) \((?:pid|rc)=(-?\d+)\)")


class LogPrinter(Printer):  # type: ignore[misc]  # honcho has no annotations
    """Keeps what parts print in files of bounded size, and tells what the manager says of them."""

    def __init__(self, folder: Path, *, verbose: bool) -> None:
        super().__init__(output=sys.stderr)
        self._folder, self._verbose = folder, verbose
        self._logs: dict[str, logging.Logger] = {}
        self._last_moment = threading.Timer(_END_WITHIN_S, _end)
        self._last_moment.daemon = True

    def write(self, message: Message) -> None:
        """One line of a part, or of the manager, whose word that something ends starts the time for all."""
        if self._verbose:
            super().write(message)
        if message.name != SYSTEM_PRINTER_NAME:
            self._log(message.name).info(message.data.decode("utf-8", "replace").rstrip("\n"))
            return
        if _END.search(message.data) and not self._last_moment.is_alive():
            self._last_moment.start()
        if event := _EVENT.match(message.data):
            self._tell(event[1], event[2], int(event[3]), message.time)

    def _tell(self, part: str, event: str, number: int, time: datetime) -> None:
        self._log(part).info(f"--- {part} {event}, {time:%Y-%m-%d %H:%M:%S} ({number})")
        with suppress(BrokenPipeError):  # nobody listens any more: `penstock up` was killed
            print(json.dumps({"part": part, "event": event, "number": number}), flush=True)  # noqa: T201

    def _log(self, name: str) -> logging.Logger:
        if name not in self._logs:
            handler = RotatingFileHandler(
                self._folder / f"{name}.log", maxBytes=_LOG_BYTES, backupCount=_OLDER_LOGS, encoding="utf-8"
            )
            self._logs[name] = log = logging.Logger(name)
            log.addHandler(handler)
        return self._logs[name]


def _end() -> None:
    """Where a process that escaped from its part holds the part's output open, honcho would wait for it."""
    kill_descendants()
    os._exit(1)


def main() -> None:
    """Runs the parts until one ends, or until a signal."""
    plan: dict[str, Any] = json.load(sys.stdin)  # row objects allowed: the plan of the parts
    end_with_parent(plan["parent"])
    manager = Manager(LogPrinter(Path(plan["logs"]), verbose=plan["verbose"]))
    for part in plan["parts"]:
        environment = {**os.environ, **part["environment"], "PYTHONUNBUFFERED": "1"}
        manager.add_process(part["name"], part["line"], env=environment, cwd=part["folder"])
    adopt_orphans()
    manager.loop()
    kill_descendants()


if __name__ == "__main__":
    main()

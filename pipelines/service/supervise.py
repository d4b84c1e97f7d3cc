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
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from pipelines.service.kinship import end_with_parent

_LOG_BYTES, _OLDER_LOGS = 10 * 1024 * 1024, 2
_EVENT = re.compile(r"(\S+) (started|stopped) \((?:pid|rc)=(-?\d+)\)")


class LogPrinter(Printer):  # type: ignore[misc]  # honcho has no annotations
    """Keeps what parts print in files of bounded size, and tells what the manager says of them."""

    def __init__(self, folder: Path, *, verbose: bool) -> None:
        super().__init__(output=sys.stderr)
        self._folder, self._verbose = folder, verbose
        self._logs: dict[str, logging.Logger] = {}

    def write(self, message: Message) -> None:
        """One line of a part, or of the manager."""
        if self._verbose:
            super().write(message)
        if message.name != SYSTEM_PRINTER_NAME:
            self._log(message.name).info(message.data.decode("utf-8", "replace").rstrip("\n"))
        elif event := _EVENT.match(message.data):
            part, what, number = event.groups()
            print(json.dumps({"part": part, "event": what, "number": int(number)}), flush=True)  # noqa: T201

    def _log(self, name: str) -> logging.Logger:
        if name not in self._logs:
            handler = RotatingFileHandler(
                self._folder / f"{name}.log", maxBytes=_LOG_BYTES, backupCount=_OLDER_LOGS, encoding="utf-8"
            )
            self._logs[name] = log = logging.Logger(name)
            log.addHandler(handler)
        return self._logs[name]


def main() -> None:
    """Runs the parts until one ends, or until a signal."""
    plan: dict[str, Any] = json.load(sys.stdin)
    end_with_parent(plan["parent"])
    manager = Manager(LogPrinter(Path(plan["logs"]), verbose=plan["verbose"]))
    for part in plan["parts"]:
        environment = {**os.environ, **part["environment"], "PYTHONUNBUFFERED": "1"}
        manager.add_process(part["name"], part["line"], env=environment, cwd=part["folder"])
    manager.loop()


if __name__ == "__main__":
    main()

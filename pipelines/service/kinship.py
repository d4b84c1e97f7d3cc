"""Processes below this one, so that none outlives the service; on Linux, elsewhere nothing is known of them.

https://man7.org/linux/man-pages/man2/prctl.2.html
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Makes this process the parent of those below it whose own parent dies."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(parent: int) -> None:
    """Asks for SIGTERM when the process `parent`, which started this one, is gone, however it ended."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)


def reap_adopted(own: int) -> None:
    """Takes note of adopted processes that have ended; `own` is left to the one who started it."""
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != own:
            os.waitpid(ended.si_pid, 0)


def exit_status(pid: int) -> int | None:
    """What a process has ended with that its parent has not taken note of yet; None while it runs.

    A negative number is that of a signal. The fields are those of
    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    try:
        fields = _stat_fields(Path(f"/proc/{pid}/stat"))
    except OSError:
        return None
    return os.waitstatus_to_exitcode(int(fields[-1])) if fields[0] == "Z" else None


def kill_descendants() -> None:
    """Ends by force all that are still there, and what they start meanwhile."""
    while alive := _descendants():
        for one in alive:
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _descendants() -> list[int]:
    parents = _parents()
    found, rest = [], [os.getpid()]
    while rest:
        children = [child for child, parent in parents.items() if parent in rest]
        found += children
        rest = children
    return found


def _parents() -> dict[int, int]:
    """The parent of each process that is no zombie."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = _stat_fields(stat)[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    return parents


def _stat_fields(stat: Path) -> list[str]:
    """Those after the name, which stands in parentheses and may hold anything: state, parent …, exit code."""
    return stat.read_text(errors="replace").rpartition(")")[2].split()


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)

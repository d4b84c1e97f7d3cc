"""Ctrl-C and SIGTERM: a run is asked to stop, and is left hard where native code does not listen.

Python runs its handlers in the main thread, between two of its own instructions, and an exception raised
there would hit a run anywhere, in the middle of tidying up as well. So a run is not interrupted: it asks, at
every block that it reads or writes, whether it shall stop. A thread waits on the wakeup file descriptor,
which the signal reaches whatever the main thread is doing
(https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd); after a second signal, or when the run
has not ended in time, it ends the process at once. That is safe at any point: nothing is visible before its
commit.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pipelines.errors import StoppedError

GRACE_S = 5.0
"""What a run gets to come to an end; only a transform over a whole batch may take longer."""

_QUIET_S = 1.0
"""How long a person sees nothing before being told that the run is about to stop."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"


class Stop:
    """Whether somebody asked this process to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._patient = False

    def listen(self) -> None:
        """Takes over SIGINT and SIGTERM, unless they are ignored, as in background jobs; main thread only."""
        listener, wakeup = socket.socketpair()
        wakeup.setblocking(False)
        signal.set_wakeup_fd(wakeup.detach(), warn_on_full_buffer=False)
        for one in _SIGNALS:
            if signal.getsignal(one) is not signal.SIG_IGN:
                signal.signal(one, self._interrupt)
        threading.Thread(target=self._watch, args=(listener,), name="stop", daemon=True).start()

    def hand_over(self) -> None:
        """From here on a signal interrupts, and that is all: for who has other processes to end."""
        signal.set_wakeup_fd(-1)

    def check(self) -> None:
        """Does nothing until somebody asks.

        Raises:
            StoppedError: Somebody has.
        """
        if self._asked.is_set():
            raise StoppedError(
                "stopped",
                expected="what is not committed is not visible",
                next_step="run again: the next run takes it up",
            )

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Inside, a signal interrupts nothing: `check` alone tells of it."""
        self._patient = True
        try:
            self.check()
            yield
        except KeyboardInterrupt:  # Polars cancels its queries on SIGINT by itself
            self.check()
            raise
        finally:
            self._patient = False

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked.set()
        if not self._patient:
            raise KeyboardInterrupt

    def _watch(self, listener: socket.socket) -> None:
        listener.recv(1)
        self._asked.set()
        if not _signalled(listener, within_s=_QUIET_S):
            if sys.stderr.isatty():
                os.write(2, b"\nstopping ... once more: at once\n")
            _signalled(listener, within_s=GRACE_S - _QUIET_S)
        _leave()


def _signalled(listener: socket.socket, *, within_s: float) -> bool:
    listener.settimeout(within_s)
    with suppress(TimeoutError):
        return bool(listener.recv(1))
    return False


def _leave() -> None:
    """Ends the process without ceremony: threads of native code would keep it alive."""
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    text = f"{cursor}\nError: stopped at once\n  expected: what is not committed is not visible\n"
    os.write(2, text.encode())
    os._exit(1)

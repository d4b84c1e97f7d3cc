"""The child process as the parent sees it: files go in, record batches come out, and it may die any time."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.reading.typed.wire import (
    STREAM,
    Outcome,
    Request,
    receive,
    receive_into,
    receive_outcome,
    send_request,
)

_CHILD = "storage.reading.typed.child"
_ROOT = Path(__file__).parents[3]
_STEP_SECONDS = 60
_GRACE_SECONDS = 1
_KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "XDG_CACHE_HOME")
_KEPT_PREFIXES = ("NUMBA_", "PYTHON")
_GONE = (EOFError, OSError, pa.ArrowException)

_log = logging.getLogger(__name__)


class ReaderProcess:
    """Started when the first file comes, and anew after a file that ended it; `close` it in the end.

    Args:
        memory_bytes: What the child may take while it reads one file, beyond what it takes without.
        step_seconds: How long it may take until the next record batch.
    """

    def __init__(self, *, memory_bytes: int, step_seconds: int = _STEP_SECONDS) -> None:
        self._memory_bytes = memory_bytes
        self._step_seconds = step_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._child.pid if self._child else None

    def read(self, descriptor: int, request: Request) -> Generator[pa.RecordBatch, None, Outcome]:
        """The rows of the file in order; how it ended is what the generator returns.

        A generator that is left before its end takes the child with it.
        """
        ended = False
        try:
            outcome = yield from self._answers(descriptor, request)
            ended = True
        except _GONE as error:
            outcome = Outcome("reader_crashed", detail=f"{error!r}, exit status {self._exit_status()}")
        finally:
            if not ended:
                self.close()
        if outcome.damage:
            _log.info("a file could not be read to its end: %s, %s", outcome.damage, outcome.detail)
        return outcome

    def close(self) -> None:
        """Ends the child, whatever it does, and waits for it."""
        if self._connection:
            self._connection.close()
        if self._child:
            self._child.kill()
            self._child.wait()
        self._connection = self._child = None

    def _exit_status(self) -> int | None:
        """Of a child that ends by itself: its own number, or the negative of a signal's; else None."""
        with suppress(subprocess.TimeoutExpired):
            return self._child.wait(_GRACE_SECONDS) if self._child else None
        return None

    def _answers(self, descriptor: int, request: Request) -> Generator[pa.RecordBatch, None, Outcome]:
        connection = self._connection or self._start()
        send_request(connection, request, descriptor)
        if receive(connection, 1) == STREAM:
            yield from pa.ipc.open_stream(_Stream(connection))
            receive(connection, 1)
        return receive_outcome(connection)

    def _start(self) -> socket.socket:
        here, there = socket.socketpair()
        with there:
            self._child = subprocess.Popen(
                self._command(there.fileno()),
                pass_fds=(there.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=spared_environment(),
                start_new_session=True,  # Ctrl-C is for the parent
            )
        here.settimeout(self._step_seconds + _GRACE_SECONDS)
        self._connection = here
        return here

    def _command(self, number: int) -> list[str]:
        # -P: a file `numpy.py` in the current folder is not what anybody means.
        arguments = (number, self._memory_bytes, self._step_seconds)
        return [sys.executable, "-P", "-m", _CHILD, *map(str, arguments)]


class _Stream:
    """What comes over the socket as a file for pyarrow, which takes over the memory it is given."""

    closed = False

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, size: int) -> Any:
        found = pa.allocate_buffer(size)
        receive_into(self._connection, memoryview(found))
        return found

    def close(self) -> None: ...


def spared_environment() -> dict[str, str]:
    """Of processes that open untrusted files: no credentials; the system's memory, which keeps to limits."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)
    }
    path = os.pathsep.join(filter(None, (str(_ROOT), kept.get("PYTHONPATH"))))
    return kept | {"PYTHONPATH": path, "ARROW_DEFAULT_MEMORY_POOL": "system"}

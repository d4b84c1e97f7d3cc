"""Prefect's server, with a thread that collects its garbage.

`python -m pipelines.service.prefect_server start …` is `prefect server start …`. A thread of it that waits
for the lock of its SQLite database waits for up to 60 s, and whoever closes a cursor of the same connection
waits with it. Cursors of statements that failed are garbage in cycles. When the event loop collected one of
them, it waited too, and could not commit what held the lock: the whole server stood still for a minute,
again and again. Another thread may wait.
"""

from __future__ import annotations

import gc
import runpy
import sys
import threading
import time
from typing import Final

_EVERY_S: Final = 1.0
_OLD_EVERY: Final = 30
"""How many times only young objects are looked at before all are, which takes some tenths of a second."""


def main() -> None:
    """Runs `prefect server` with the arguments of this process."""
    gc.disable()
    threading.Thread(target=_collect, name="garbage", daemon=True).start()
    sys.argv[1:1] = ["server"]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


def _collect() -> None:
    turn = 0
    while True:
        time.sleep(_EVERY_S)
        turn += 1
        gc.collect(2 if turn % _OLD_EVERY == 0 else 1)


if __name__ == "__main__":
    main()

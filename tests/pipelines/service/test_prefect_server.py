"""Prefect's server never waits while it collects garbage: another thread does."""

from __future__ import annotations

import subprocess
import sys

_SERVER = """\
import gc, runpy, sys, threading
from pipelines.service import prefect_server

class Cursor:
    def __del__(self):
        collected_by.append(threading.current_thread().name)
        collected.set()

def server(*_arguments, **_options):
    cursor = Cursor()
    cursor.itself = cursor
    del cursor
    [{} for _ in range(100_000)]
    assert collected.wait(60)
    print(sys.argv[1:], gc.isenabled(), collected_by)

collected_by, collected = [], threading.Event()
runpy.run_module = server
prefect_server.main()
"""


def test_garbage_of_the_server_is_collected_by_a_thread_of_its_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _SERVER, "start", "--port", "1"], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "['server', 'start', '--port', '1'] False ['garbage']\n"

"""A Dask scheduler and workers on this machine, as somebody else would have started them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STOP_DEADLINE_S = 120
_CODE = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                      scheduler_kwargs={"dashboard": False}, memory_limit=0) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@contextmanager
def running_dask_cluster(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Two workers with two threads each; the address of the scheduler.

    Args:
        folder: Where they run, which is not where the flow runs.
        environment: On top of this process's.
    """
    script = folder / "cluster.py"
    script.write_text(_CODE)
    with (folder / "cluster.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.communicate(timeout=STOP_DEADLINE_S)

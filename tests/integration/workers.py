"""Workers of a real Prefect server, in processes of their own, and the runs that they take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.prefect_server import PrefectServer, wait_for

_PENSTOCK = [sys.executable, "-c", "from pipelines.cli import main; main()"]
_DEADLINE_S = 300
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Folder:
    """A folder with the pipelines folder `pipelines.d`, from where things are deployed and run."""

    path: Path
    server: PrefectServer
    pool: str

    @property
    def environment(self) -> dict[str, str]:
        """That of `penstock` in this folder."""
        return self.server.environment | {"PENSTOCK_THREADS": "1"}

    def penstock(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        ran = subprocess.run(
            [*_PENSTOCK, *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    @contextmanager
    def worker(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A worker, stopped at the end, if it was not killed before."""
        command = [*_PENSTOCK, "worker", "--pool", self.pool, "--name", name]
        with (self.path / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.path,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    def deployments(self) -> dict[str, str]:
        """The ids of the deployments of the flow `ingest`, by pipeline."""
        found = self.server.post(
            "/deployments/filter",
            {"flows": {"name": {"any_": ["ingest"]}}, "work_pools": {"name": {"any_": [self.pool]}}},
        )
        return {one["name"]: one["id"] for one in found}

    def start_run(self, deployment: str) -> str:
        """The id of a run that is due now."""
        run = self.server.post(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        return str(run["id"])

    def runs(self, ids: list[str]) -> list[dict[str, Any]]:
        """The runs as they are now."""
        found = self.server.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": ids}}})
        assert isinstance(found, list)
        return found

    def ended(self, ids: list[str]) -> list[dict[str, Any]]:
        """The runs, once all have ended."""

        def ask() -> list[dict[str, Any]] | None:
            runs = self.runs(ids)
            return runs if all(one["state_type"] in ENDED for one in runs) else None

        return wait_for(ask, deadline_s=_DEADLINE_S, what=f"end of {len(ids)} runs")


def kill_group(process_id: int) -> None:
    """Ends a process and its group at once, as a machine that dies does."""
    os.killpg(process_id, signal.SIGKILL)

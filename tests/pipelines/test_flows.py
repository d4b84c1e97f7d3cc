"""What the flow decides by itself; tests/integration/test_flows.py runs it against a server."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prefect.states import Failed

from config.errors import PenstockError
from pipelines.flows.ingest import plan
from pipelines.flows.tasks import is_retryable


class AwayError(PenstockError):
    retryable = True


@pytest.mark.parametrize(
    ("error", "retryable"),
    [(AwayError("the store is away"), True), (PenstockError("a wrong value"), False), (KeyError("x"), False)],
)
def test_is_retryable_follows_the_error(error: Exception, retryable: bool) -> None:
    assert is_retryable(plan, None, Failed(data=error)) is retryable


def test_import_run_command_leaves_prefect_out() -> None:
    code = "import sys, pipelines.cli.run_command; raise SystemExit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

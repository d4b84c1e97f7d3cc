"""What the flow decides by itself; tests/integration/test_flows.py runs it against a server."""

from __future__ import annotations

import subprocess
import sys

import pytest
from prefect.states import Failed

from config.errors import PenstockError
from pipelines.flows import is_retryable, plan


class AwayError(PenstockError):
    retryable = True


@pytest.mark.parametrize(
    ("error", "retryable"),
    [(AwayError("the store is away"), True), (PenstockError("a wrong value"), False), (KeyError("x"), False)],
)
def test_is_retryable_follows_the_error(error: Exception, retryable: bool) -> None:
    assert is_retryable(plan, None, Failed(data=error)) is retryable


def test_plan_is_never_cached_or_persisted() -> None:
    assert plan.persist_result is False
    assert plan.cache_policy is not None
    assert plan.cache_policy.compute_key(None, {}, {}, {}) is None  # type: ignore[arg-type]


def test_import_command_line_leaves_prefect_out() -> None:
    code = "import sys, pipelines.cli; raise SystemExit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

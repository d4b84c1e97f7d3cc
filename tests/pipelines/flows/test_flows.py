"""What the flows decide by themselves; tests/integration/test_flows.py runs them against a server."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from prefect.states import Failed

from config.errors import PenstockError
from pipelines import flows
from pipelines.flows import tasks
from storage.errors import ConcurrentRunError


class AwayError(PenstockError):
    retryable = True


@pytest.mark.parametrize(
    ("error", "retryable"),
    [(AwayError("the store is away"), True), (PenstockError("a wrong value"), False), (KeyError("x"), False)],
)
def test_is_retryable_follows_the_error(error: Exception, retryable: bool) -> None:
    assert tasks.is_retryable(None, None, Failed(data=error)) is retryable


@pytest.mark.parametrize("name", flows.__all__)
def test_form_of_a_flow_describes_every_parameter(name: str) -> None:
    schema = getattr(flows, name).parameters

    assert schema.required == ["pipeline"]
    assert schema.properties["pipeline"]["pattern"] == "^[A-Za-z_][A-Za-z0-9_-]*$"
    assert all(one["description"] for one in schema.properties.values())


@pytest.mark.parametrize("name", flows.__all__)
def test_description_of_a_flow_leaves_parameters_to_the_form(name: str) -> None:
    description = getattr(flows, name).description

    assert description
    assert "Args:" not in description


@pytest.mark.parametrize("value", [0, -1, 1_000_001, "many", 1.5])
def test_wrong_number_of_batches_is_refused(value: object) -> None:
    with pytest.raises(Exception, match="max_batches"):
        flows.ingest.validate_parameters({"pipeline": "clicks", "max_batches": value})


@pytest.mark.parametrize("value", ["", "../clicks", "/etc/passwd", "clicks.yaml", "a b", "s3://bucket/x"])
def test_what_is_no_name_of_a_pipeline_is_refused(value: str) -> None:
    with pytest.raises(Exception, match="not a usable name"):
        flows.verify.validate_parameters({"pipeline": value})


@pytest.mark.parametrize(("failures", "outcome"), [(0, "done"), (2, "done"), (3, "gone on")])
def test_beside_others_tries_again_until_the_other_run_has_ended(
    monkeypatch: pytest.MonkeyPatch, failures: int, outcome: str
) -> None:
    monkeypatch.setattr(tasks, "RETRY_DELAYS_S", (0, 0))
    monkeypatch.setattr(tasks, "get_run_logger", logging.getLogger)
    left = [ConcurrentRunError("gone on") for _ in range(failures)]

    def do() -> str:
        if left:
            raise left.pop()
        return "done"

    try:
        assert tasks.beside_others(do) == outcome
    except ConcurrentRunError as error:
        assert error.what == outcome


def test_import_run_command_leaves_prefect_out() -> None:
    code = "import sys, pipelines.cli.run_command; raise SystemExit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

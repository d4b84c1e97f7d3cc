"""`penstock metrics`, as a process and over HTTP."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.cli.calling import call, start, write_spec
from tests.pipelines.scraping import openmetrics
from tests.pipelines.taking_in import SETTINGS, a_pipeline, events, land

WAIT_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipelines folder with the pipeline `events`, which has taken in a batch."""
    specs, store = tmp_path / "specs", Store(str(tmp_path))
    specs.mkdir()
    pipeline = a_pipeline(store)
    write_spec(specs, pipeline)
    land(store, "a.ndjson", *events(0, 3), b"bad")
    run(pipeline, SETTINGS)
    return specs


def test_metrics_once_prints_text_and_ends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(folder))

    printed = call("metrics", "--once")

    assert (printed.exit_code, printed.stderr) == (0, "")
    assert 'penstock_records_read_total{pipeline="events"} 4.0\n' in printed.stdout
    assert printed.stdout.endswith("\n")
    assert list(parse_prometheus(printed.stdout))


def test_metrics_once_with_json_prints_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(folder))

    metrics = {one["name"]: one for one in json.loads(call("metrics", "--once", "--json").stdout)["metrics"]}

    read = metrics["penstock_records_read_total"]
    assert (read["type"], read["samples"]) == ("counter", [{"labels": {"pipeline": "events"}, "value": 4}])


def test_metrics_at_a_taken_port_says_so(serving: tuple[subprocess.Popen[str], str]) -> None:
    port = re.findall(r":(\d+)/", serving[1])[0]

    found = call("metrics", "--port", port)

    assert found.exit_code == 1
    assert f"127.0.0.1:{port}" in found.stderr


@pytest.fixture
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the URL that it tells."""
    process = start("metrics", "--port", "0", cwd=folder, env={"PENSTOCK_PIPELINES": str(folder)})
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.kill()
        process.communicate(timeout=WAIT_S)


def test_metrics_are_served_in_both_formats_until_the_process_is_asked_to_end(
    serving: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = serving
    assert url.startswith("http://127.0.0.1:")

    plain, kind = fetched(url)
    assert kind.startswith("text/plain")
    assert 'penstock_batches_total{pipeline="events"} 1.0' in plain
    opened, kind = fetched(url, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert "penstock_batches" in openmetrics(opened)
    assert fetched(url.replace("/metrics", "/health"))[0] == "ok\n"
    with pytest.raises(HTTPError, match="404") as error:
        fetched(url.replace("/metrics", "/pipelines"))
    error.value.close()

    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=WAIT_S)
    assert (process.returncode, stderr) == (0, "")


def fetched(url: str, accept: str = "*/*") -> tuple[str, str]:
    """The body and its type."""
    with urlopen(Request(url, headers={"Accept": accept}), timeout=WAIT_S) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]

"""The text is what Prometheus and OpenMetrics ask for, and the document says what is in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from config.alerts import Alerts
from pipelines.metrics.collector import INFO, registry_of
from pipelines.metrics.families import FAMILIES
from pipelines.metrics.observed import Observation, Waiting
from pipelines.metrics.tables import TableState
from pipelines.metrics.totals import Totals
from pipelines.metrics.watch import Watch
from pipelines.reports.status import Files
from pipelines.run import run
from storage.tables.log.versions import TableSize
from tests.conftest import Store
from tests.pipelines.scraping import openmetrics, text_of, watch_of
from tests.pipelines.taking_in import SETTINGS, a_pipeline, event, land

DOCUMENT = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
NAME = re.compile(r"penstock(_[a-z]+)+")
UNITS = {"milliseconds", "minutes", "hours", "kilobytes", "megabytes", "mib", "percent", "ms", "mb", "kb"}
"""Which are no base units; https://prometheus.io/docs/practices/naming/#base-units."""

EVERYTHING = Observation(
    pipeline='a "quoted"\\\nname',
    at=1.5e9,
    errors=3,
    alerts=Alerts.model_validate({"lag": "5m", "quarantine_share": "5%"}),
    table=TableState(
        7,
        12,
        TableSize(3, 1000, 2**40),
        Totals(
            batches=6,
            newest=7,
            last_at=1.4e9,
            last_seconds=0.25,
            last_peak_memory_bytes=2**30,
            records_read=2**53,
        ),
    ),
    waiting=Waiting(Files(None, 2, 5, None), Files(8, 1, 5, None)),
    quarantined={'expectation:"even"\n': 2},
)


def everything() -> list[Observation]:
    assert EVERYTHING.table is not None
    EVERYTHING.table.totals.quarantined.update(malformed_json=1)
    EVERYTHING.table.totals.seconds.update(plan=0.5)
    return [EVERYTHING, Observation("b", 1.5e9, ok=False)]


def test_names_types_and_help_are_as_prometheus_wants_them() -> None:
    names = [family.name for family in FAMILIES]

    assert len(set(names)) == len(names)
    for family in FAMILIES:
        assert NAME.fullmatch(family.name), family
        assert family.name.endswith("_total") == (family.kind == "counter"), family
        assert not set(family.name.split("_")) & UNITS, family
        assert not re.search(r"_(count|sum|bucket|info|created)$", family.name), family
        assert family.help.endswith(".") and "\n" not in family.help, family
        assert family.label in (None, "reason", "stage"), family


def test_prometheus_text_has_each_family_once_with_help_type_and_samples() -> None:
    text = text_of_observations(everything())
    lines = text.splitlines()

    assert [line.split()[2] for line in lines if line.startswith("# HELP")] == [
        INFO, *(family.name for family in FAMILIES)
    ]  # fmt: skip
    assert [line.split()[2:] for line in lines if line.startswith("# TYPE")] == [
        [INFO, "gauge"], *([family.name, family.kind] for family in FAMILIES)
    ]  # fmt: skip
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(set(series)) == len(series)
    families = list(parse_prometheus(text))
    assert all(family.samples for family in families)
    assert {one.labels["pipeline"] for one in families[1].samples} == {EVERYTHING.pipeline, "b"}


def test_openmetrics_text_is_what_its_strict_parser_takes() -> None:
    text = generate_openmetrics(registry_of(everything)).decode()  # type: ignore[no-untyped-call]

    families = openmetrics(text)

    assert len(families) == len(FAMILIES) + 1
    assert families["penstock_records_read"].samples[0].value == 2**53


def test_text_of_no_pipelines_is_no_error(tmp_path: Path) -> None:
    assert list(parse_prometheus(text_of(watch_of(tmp_path / "none"))))


def text_of_observations(found: list[Observation]) -> str:
    from prometheus_client import generate_latest

    return generate_latest(registry_of(lambda: found)).decode()


def test_document_names_every_metric_with_its_type_and_label_in_order() -> None:
    rows = re.findall(r"^\| `(penstock_\w+)` \| (\w+) \| (?:`(\w+)`)? ?\| (.*?) \| (.+) \|$", DOCUMENT, re.M)

    assert [row[:3] for row in rows] == [(one.name, one.kind, one.label or "") for one in FAMILIES]
    for name, _, _, unit, _ in rows:
        words = name.removesuffix("_total").split("_")
        assert ("seconds" in unit) == (words[-1] == "seconds"), name
        assert ("bytes" in unit) == (words[-1] == "bytes"), name


def test_document_has_rules_over_metrics_that_exist() -> None:
    (rules,) = re.findall(r"^```yaml\n(groups:.*?)^```", DOCUMENT, re.M | re.S)
    used = set(re.findall(r"penstock_\w+", rules))

    assert used
    assert used <= {family.name for family in FAMILIES}


def test_metrics_tell_no_uri_no_column_and_no_secret(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = a_pipeline(store, {"birdsong": "int64"}, contract={"on_new_column": "rescue"})
    if not store.is_remote:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    land(store, "canary.ndjson", b'{"birdsong": "canary-value"}', event(1), b"canary-line")
    run(pipeline, SETTINGS)

    text = text_of(watch_of(tmp_path / "specs", pipeline))

    assert 'reason="type_mismatch"' in text
    for secret in ("canary", "birdsong", store.uri, "landing", "lake"):
        assert secret not in text
    assert "canary" not in caplog.text


def test_watch_answers_again_what_it_found_a_moment_ago(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    watch: Watch = watch_of(tmp_path / "specs", pipeline, fresh_s=1000.0)
    land(local, "a.ndjson", event(1))

    assert text_of(watch) == text_of(watch)

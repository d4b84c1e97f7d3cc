"""What `penstock metrics` tells, as Prometheus parses it, held against what the other commands tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import dump_pipeline
from pipelines.metrics.collector import registry_of
from pipelines.metrics.watch import Watch
from pipelines.reports.history import history
from pipelines.reports.status import status
from storage.tables.log.versions import open_version
from tests.pipelines.taking_in import proof_of

Samples = dict[tuple[str, ...], float]
"""Values by the name and the values of the labels but for `pipeline`: of one pipeline."""

OF_PROOF = {
    "penstock_files_read_total": "files",
    "penstock_records_read_total": "records_read",
    "penstock_rows_written_total": "rows_written",
    "penstock_rows_dropped_total": "rows_dropped",
    "penstock_rows_duplicate_total": "rows_duplicate",
}
"""Sums over the batches, and the number of a batch that each adds up."""


def watch_of(folder: Path, *pipelines: Pipeline, **options: Any) -> Watch:
    """A new one, over a folder with the files of these pipelines; looks anew each time, and waits."""
    folder.mkdir(exist_ok=True)
    for pipeline in pipelines:
        (folder / f"{pipeline.name}.yaml").write_text(dump_pipeline(pipeline), encoding="utf-8")
    return Watch(
        Settings(pipelines=folder), **{"fresh_s": 0.0, "listed_s": 0.0, "patience_s": None, **options}
    )


def text_of(watch: Watch) -> str:
    """What a scrape gets."""
    return generate_latest(registry_of(watch.observations)).decode()


def openmetrics(text: str) -> dict[str, Metric]:
    """The families of a text in the OpenMetrics format, by the strict parser."""
    return {one.name: one for one in parse_openmetrics(text)}  # type: ignore[no-untyped-call]


def scraped(watch: Watch, pipeline: str = "events") -> Samples:
    """The samples of one pipeline."""
    return {
        (one.name, *(value for label, value in one.labels.items() if label != "pipeline")): one.value
        for family in text_string_to_metric_families(text_of(watch))
        for one in family.samples
        if one.labels.get("pipeline") == pipeline
    }


def by_label(samples: Samples, name: str) -> dict[str, float]:
    """The values of one metric by its label, without those that are 0."""
    return {labels[0]: value for (one, *labels), value in samples.items() if one == name and value}


def counters(samples: Samples) -> Samples:
    """Those that come from the log."""
    return {key: one for key, one in samples.items() if key[0].endswith("_total") and "errors" not in key[0]}


def agreeing(watch: Watch, pipeline: Pipeline) -> Samples:
    """What is told of a pipeline, which is what status, history and proof tell too."""
    samples, proof, stands = scraped(watch, pipeline.name), proof_of(pipeline), status(pipeline)
    committed = [one for one in proof.batches if one.state == "committed"]
    assert proof.ok
    assert samples["penstock_up",] == 1
    assert samples["penstock_batches_total",] == len(committed) == stands.last_batch
    assert samples["penstock_uncounted_batches",] == 0
    taken = [one for one in committed if one.undoes is None]
    assert samples["penstock_undos_total",] == len(committed) - len(taken)
    for metric, name in OF_PROOF.items():
        assert samples[metric,] == sum(getattr(one, name) or 0 for one in taken), metric
    refused = sum(one.rows_quarantined or 0 for one in taken)
    assert sum(by_label(samples, "penstock_records_quarantined_total").values()) == refused
    _agree_with_history(samples, pipeline)
    assert by_label(samples, "penstock_quarantine_records") == stands.quarantined
    assert samples["penstock_waiting_files",] == stands.waiting.files
    assert samples["penstock_waiting_bytes",] == stands.waiting.bytes
    assert samples["penstock_planned_files",] == (stands.planned.files if stands.planned else 0)
    assert (samples["penstock_lag_seconds",] > 0) == (stands.lag_seconds is not None)
    assert samples.get(("penstock_table_version",)) == stands.table_version
    assert samples.get(("penstock_table_rows",)) == stands.rows
    assert samples.get(("penstock_table_files",), 0) == stands.files
    assert samples.get(("penstock_table_bytes",), 0) == stands.bytes
    return samples


def _agree_with_history(samples: Samples, pipeline: Pipeline) -> None:
    if ("penstock_table_version",) not in samples:
        return
    ours = [one for one in history(pipeline.table.uri) if one.pipeline == pipeline.name]
    newest = next(one for one in ours if one.batch == samples["penstock_batches_total",])
    assert newest.timestamp is not None
    assert samples["penstock_last_batch_timestamp_seconds",] == newest.timestamp.timestamp()
    assert samples["penstock_rows_written_total",] == sum(one.rows or 0 for one in ours)
    assert samples["penstock_last_batch_peak_memory_bytes",] > 2**20
    table = open_version(pipeline.table.uri)
    assert samples["penstock_table_version",] == table.version()

"""The metrics, one by one: name, type, labels, meaning, and where each value comes from.

`docs/metrics.md` is held against this table. Names and units are as Prometheus has them
(https://prometheus.io/docs/practices/naming/): base units, `_total` for counters. Labels are the pipeline,
and one whose values come from a closed set or from the pipeline file, never from data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pipelines.metrics.observed import Observation, age_seconds
from pipelines.metrics.tables import TableState
from pipelines.metrics.totals import Totals

Value = float | None
"""None where there is nothing to tell: then there is no sample."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric that each pipeline has.

    Attributes:
        label: Beside `pipeline`; None where there is no other.
        values: By the value of the label, which is empty where there is none.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    values: Callable[[Observation], Mapping[str, Value]]
    label: str | None = None

    def samples(self, found: Observation) -> Iterable[tuple[tuple[str, ...], float]]:
        """The values of the labels, and the value."""
        for label, value in self.values(found).items():
            if value is not None:
                yield (found.pipeline, label) if self.label else (found.pipeline,), float(value)


def _one(value: Callable[[Observation], Value]) -> Callable[[Observation], Mapping[str, Value]]:
    return lambda found: {"": value(found)}


def _of_table(value: Callable[[TableState], Value]) -> Callable[[Observation], Mapping[str, Value]]:
    return lambda found: {} if found.table is None else {"": value(found.table)}


def _sum(value: Callable[[Totals], Value]) -> Callable[[Observation], Mapping[str, Value]]:
    return _of_table(lambda table: value(table.totals))


def _sums(values: Callable[[Totals], Mapping[str, Value]]) -> Callable[[Observation], Mapping[str, Value]]:
    return lambda found: {} if found.table is None else values(found.table.totals)


def _size(value: Literal["rows", "files", "bytes"]) -> Callable[[Observation], Mapping[str, Value]]:
    return _of_table(lambda table: None if table.size is None else getattr(table.size, value))


def _waiting(value: Literal["files", "bytes"]) -> Callable[[Observation], Mapping[str, Value]]:
    return lambda found: {} if found.waiting is None else {"": getattr(found.waiting.landed, value)}


def _planned(found: Observation) -> Mapping[str, Value]:
    if found.waiting is None:
        return {}
    return {"": 0 if found.waiting.planned is None else found.waiting.planned.files}


def _lag(found: Observation) -> Mapping[str, Value]:
    return {} if found.waiting is None else {"": age_seconds(found.waiting, found.at)}


def _open(found: Observation) -> Mapping[str, Value]:
    """Reasons that were open before and are no more would else stay where they were until they go stale."""
    if found.quarantined is None:
        return {}
    seen = dict.fromkeys(found.table.totals.quarantined, 0) if found.table else {}
    return {**seen, **found.quarantined}


FAMILIES: Final = (
    Family("penstock_up", "gauge", "Whether all of the pipeline could be looked at: 1, else 0.",
           _one(lambda found: found.ok)),
    Family("penstock_errors_total", "counter", "Times that it could not, since this process began.",
           _one(lambda found: found.errors)),
    Family("penstock_observed_timestamp_seconds", "gauge", "When it was last looked at.",
           _one(lambda found: found.at)),
    Family("penstock_batches_total", "counter", "Committed batches; replays, undos and rebuilds are batches.",
           _of_table(lambda table: table.batches)),
    Family("penstock_uncounted_batches", "gauge", "Batches whose commits the log had lost when it was read.",
           _of_table(lambda table: table.batches - table.totals.batches)),
    Family("penstock_undos_total", "counter", "Batches that took another one out of the table.",
           _sum(lambda totals: totals.undos)),
    Family("penstock_files_read_total", "counter", "Files of committed batches.",
           _sum(lambda totals: totals.files)),
    Family("penstock_read_bytes_total", "counter", "Bytes of these files, as stored.",
           _sum(lambda totals: totals.bytes_read)),
    Family("penstock_records_read_total", "counter", "Records in these files.",
           _sum(lambda totals: totals.records_read)),
    Family("penstock_rows_written_total", "counter", "Rows that the table held after their commit.",
           _sum(lambda totals: totals.rows_written)),
    Family("penstock_records_quarantined_total", "counter", "Records and rows that were refused.",
           _sums(lambda totals: dict(totals.quarantined)), "reason"),
    Family("penstock_rows_dropped_total", "counter", "Rows that expectations dropped.",
           _sum(lambda totals: totals.rows_dropped)),
    Family("penstock_rows_duplicate_total", "counter", "Rows that lost to another one with their key.",
           _sum(lambda totals: totals.rows_duplicate)),
    Family("penstock_batch_seconds_total", "counter", "Time of batches on the clock, until the commit.",
           _sums(lambda totals: dict(totals.seconds)), "stage"),
    Family("penstock_last_batch_timestamp_seconds", "gauge", "When the last batch was committed.",
           _sum(lambda totals: totals.last_at)),
    Family("penstock_last_batch_duration_seconds", "gauge", "How long the last batch took until its commit.",
           _sum(lambda totals: totals.last_seconds)),
    Family("penstock_last_batch_peak_memory_bytes", "gauge", "Most memory of the process that wrote it.",
           _sum(lambda totals: totals.last_peak_memory_bytes)),
    Family("penstock_table_version", "gauge", "The newest version of the table.",
           _of_table(lambda table: table.version)),
    Family("penstock_table_rows", "gauge", "Rows of the table, where its log counts them.", _size("rows")),
    Family("penstock_table_files", "gauge", "Data files of the table.", _size("files")),
    Family("penstock_table_bytes", "gauge", "Bytes of these files.", _size("bytes")),
    Family("penstock_lag_seconds", "gauge", "Age of the oldest file that is not taken in; else 0.", _lag),
    Family("penstock_waiting_files", "gauge", "Landed files that no batch holds.", _waiting("files")),
    Family("penstock_waiting_bytes", "gauge", "Bytes of these files, as stored.", _waiting("bytes")),
    Family("penstock_planned_files", "gauge", "Files of a batch under way, or cut off.", _planned),
    Family("penstock_quarantine_records", "gauge", "Open records in the quarantine.", _open, "reason"),
    Family("penstock_alert_lag_seconds", "gauge", "`alerts.lag` of the pipeline file, where it is set.",
           _one(lambda found: found.alerts.lag.total_seconds() if found.alerts.lag else None)),
    Family("penstock_alert_quarantine_ratio", "gauge", "`alerts.quarantine_share` there, of 1.",
           _one(lambda found: found.alerts.quarantine_share)),
)  # fmt: skip

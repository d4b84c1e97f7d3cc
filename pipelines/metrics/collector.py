"""What was found, as `prometheus_client` collects it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pipelines.metrics.families import FAMILIES
from pipelines.metrics.observed import Observation

INFO: Final = "penstock_build_info"
_TYPES: Final = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


class PipelineCollector(Collector):
    """Gives the metrics of all pipelines, asked for anew at every scrape.

    Args:
        observations: What there is to tell.
    """

    def __init__(self, observations: Callable[[], Sequence[Observation]]) -> None:
        self._observations = observations

    def describe(self) -> Iterator[Metric]:
        """Names nothing beforehand: to be registered, it need not look at any pipeline."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One family after the other; see `families`."""
        found = self._observations()
        info = GaugeMetricFamily(INFO, "The version of Penstock.", labels=["version"])
        info.add_metric([version("penstock")], 1)
        yield info
        for family in FAMILIES:
            labels = ["pipeline", family.label] if family.label else ["pipeline"]
            metric = _TYPES[family.kind](family.name, family.help, labels=labels)
            for one in found:
                for values, value in family.samples(one):
                    metric.add_metric(values, value)
            yield metric


def registry_of(observations: Callable[[], Sequence[Observation]]) -> CollectorRegistry:
    """A registry with these metrics, and nothing else."""
    registry = CollectorRegistry()
    registry.register(PipelineCollector(observations))
    return registry


def as_document(registry: CollectorRegistry) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "metrics": [
            {
                "name": metric.name + ("_total" if metric.type == "counter" else ""),
                "type": metric.type,
                "help": metric.documentation,
                "samples": [{"labels": one.labels, "value": one.value} for one in metric.samples],
            }
            for metric in registry.collect()
        ]
    }

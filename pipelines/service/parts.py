"""The list of the parts of the service."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipelines.service.data_folder import DataFolder
from pipelines.service.metrics_part import metrics_part
from pipelines.service.part import Part
from pipelines.service.prefect_api import PrefectApi
from pipelines.service.prefect_parts import AUTH, api_url, prefect_environment, prefect_parts
from pipelines.service.serve_part import can_serve, serve_part
from pipelines.service.store import store_environment, store_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the parts listen.

    Attributes:
        host: The address of Prefect and of the metrics; the others have none but 127.0.0.1.
        store: None where the service uses a store that is there already, by the `AWS_…` variables.
    """

    host: str
    store: int | None
    prefect: int
    metrics: int
    serve: int


def service_environment(folder: DataFolder, places: Places, given: Mapping[str, str]) -> dict[str, str]:
    """What every part, and whoever works beside the service, needs to know; the store's secret among it."""
    store = {} if places.store is None else store_environment(folder, places.store)
    return {**store, **prefect_environment(folder.prefect, places.host, places.prefect, given)}


def service_parts(folder: DataFolder, places: Places) -> list[Part]:
    """All parts, in the order in which they become ready; a new one is an entry here."""
    api = PrefectApi(api_url(places.host, places.prefect), os.environ.get(AUTH, ""))
    parts = [
        *([] if places.store is None else [store_part(folder, places.store)]),
        *prefect_parts(places.host, places.prefect, api, datetime.now(UTC)),
        metrics_part(places.host, places.metrics),
        *([serve_part(folder.access, places.serve)] if can_serve() else []),
    ]
    names = {part.name for part in parts}
    return [replace(part, after=tuple(name for name in part.after if name in names)) for part in parts]

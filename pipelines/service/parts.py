"""The list of the parts of the service."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.service.data_folder import DataFolder
from pipelines.service.part import Part
from pipelines.service.prefect_api import PrefectApi
from pipelines.service.prefect_parts import AUTH, api_url, prefect_environment, prefect_parts
from pipelines.service.store import store_environment, store_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The first port of each part that listens."""

    store: int
    prefect: int


def service_environment(folder: DataFolder, host: str, ports: Ports) -> dict[str, str]:
    """What every part, and whoever works beside the service, needs to know; the store's secret among it."""
    return {
        **store_environment(folder, ports.store),
        **prefect_environment(folder.prefect, host, ports.prefect, os.environ),
    }


def service_parts(folder: DataFolder, host: str, ports: Ports) -> list[Part]:
    """All parts, in the order in which they become ready; a new one is an entry here."""
    api = PrefectApi(api_url(host, ports.prefect), os.environ.get(AUTH, ""))
    return [
        store_part(folder, ports.store),
        *prefect_parts(host, ports.prefect, api, datetime.now(UTC)),
    ]

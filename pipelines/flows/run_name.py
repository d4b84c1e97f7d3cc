"""Names of flow runs that say what they are at."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run


def name_run(name: str) -> None:
    """Renames the flow run that this process is in, which only now knows its batch."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=name)

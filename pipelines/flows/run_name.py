"""Names of flow runs that say what they are at."""

from __future__ import annotations

from prefect.context import FlowRunContext


def name_run(name: str) -> None:
    """Renames the flow run that this process is in, which only now knows its batch."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        context.client.update_flow_run(context.flow_run.id, name=name)

"""The slot that the one run of `ingest` of a pipeline has, held by a flow that does the same work in full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import get_client
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound


@contextmanager
def instead_of_ingest(pipeline: str) -> Iterator[None]:
    """Waits until no `ingest` of the pipeline runs, and lets none begin for as long as the block lasts.

    Only spares needless work: commits are safe without. Runs that are due meanwhile are cancelled by the
    server. When this process dies, the slot is free after five minutes. Nothing is held where this run, or
    the pipeline, has no deployment.
    """
    if (limit := _limit_of(pipeline)) is None:
        yield
        return
    with concurrency(limit, occupy=1, strict=False):
        yield


def _limit_of(pipeline: str) -> str | None:
    """The name that Prefect gives to the limit of the deployment `ingest/NAME`."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        return None
    with get_client(sync_client=True) as client:
        try:
            return f"deployment:{client.read_deployment_by_name(f'ingest/{pipeline}').id}"
        except ObjectNotFound:
            return None

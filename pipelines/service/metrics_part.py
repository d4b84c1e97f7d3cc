"""The numbers of all pipelines, for Prometheus."""

from __future__ import annotations

from pipelines.service.answers import answers
from pipelines.service.part import Part
from pipelines.service.program import PENSTOCK, url_here


def metrics_part(host: str, port: int) -> Part:
    """`penstock metrics`."""
    url = url_here(host, port)
    return Part(
        name="metrics",
        command=(*PENSTOCK, "metrics", "--host", host, "--port", str(port)),
        is_ready=lambda: answers(f"{url}/health"),
        after=("store",),
        host=host,
        ports=(port,),
        option="--metrics-port",
        url=f"{url}/metrics",
    )

"""Prefect: the server with its UI, the one-shot that deploys, and a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from pipelines.service.answers import answers
from pipelines.service.part import Part
from pipelines.service.prefect_api import PrefectApi
from pipelines.service.program import PENSTOCK, PREFECT_SERVER, url_here

POOL = "penstock"
AUTH = "PREFECT_SERVER_API_AUTH_STRING"
LEASES = "prefect.server.concurrency.lease_storage.filesystem"
"""Who has which slot is kept in files of PREFECT_HOME: what was taken before a restart is given back."""
_BEHIND_A_PROXY = ("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "PREFECT_SERVER_UI_API_URL")
"""What only the user knows where people come by another address."""


def prefect_environment(home: Path, host: str, port: int, given: Mapping[str, str]) -> dict[str, str]:
    """Safe settings of server and clients: nothing sent out, nothing pickled, no other origin let in.

    Clients get the password of the server where `given` has one.
    """
    auth = given.get(AUTH)
    origins = dict.fromkeys((url_here(host, port), f"http://127.0.0.1:{port}", f"http://localhost:{port}"))
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url(host, port),
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(origins),
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_UI_API_URL": api_url(host, port),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the newer UI has browsers ask a company that counts visits
        **{name: given[name] for name in _BEHIND_A_PROXY if given.get(name)},
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,
        **_time_zones(),
        **({"PREFECT_API_AUTH_STRING": auth} if auth else {}),
    }


def _time_zones() -> dict[str, str]:
    """Has them looked up in the package tzdata, where it is: the server lists all of them again and again."""
    return {"PYTHONTZPATH": ""} if find_spec("tzdata") else {}


def api_url(host: str, port: int) -> str:
    """Where this machine reaches the API."""
    return f"{url_here(host, port)}/api"


def prefect_parts(host: str, port: int, api: PrefectApi, started: datetime) -> list[Part]:
    """Server, deployments, worker, in the order in which they need one another.

    The worker is ready when the server has had a sign of life of one since `started`.
    """
    return [
        Part(
            name="prefect",
            command=(*PREFECT_SERVER, "start", "--host", host, "--port", str(port)),
            is_ready=lambda: answers(f"{api.url}/health"),
            host=host,
            ports=(port,),
            option="--prefect-port",
            url=url_here(host, port),
        ),
        Part(
            name="deploy",
            command=(*PENSTOCK, "deploy", "--skip-wrong"),
            is_ready=None,
            after=("prefect",),
        ),
        Part(
            name="worker",
            command=(*PENSTOCK, "worker", "--pool", POOL),
            is_ready=lambda: api.worker_is_online(POOL, started),
            after=("store", "deploy"),
        ),
    ]

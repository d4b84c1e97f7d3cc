"""Prefect: the server with its UI, the one-shot that deploys, and a worker."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pipelines.service.part import Part
from pipelines.service.prefect_api import PrefectApi

POOL = "penstock"
AUTH = "PREFECT_SERVER_API_AUTH_STRING"

_PREFECT = (sys.executable, "-P", "-m", "prefect")
_PENSTOCK = (sys.executable, "-P", "-m", "pipelines.cli")


def prefect_environment(home: Path, host: str, port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Safe settings of server and clients: nothing sent out, nothing pickled, no other origin let in."""
    auth = environment.get(AUTH)
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url(host, port),
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        **({"PREFECT_API_AUTH_STRING": auth} if auth else {}),
    }


def api_url(host: str, port: int) -> str:
    """Where this machine reaches the API."""
    return f"{ui_url(host, port)}/api"


def ui_url(host: str, port: int) -> str:
    """Where a browser of this machine finds the UI."""
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def prefect_parts(host: str, port: int, api: PrefectApi, started: datetime) -> list[Part]:
    """Server, deployments, worker, in the order in which they need one another."""
    return [
        Part(
            name="prefect",
            command=(*_PREFECT, "server", "start", "--host", host, "--port", str(port)),
            is_ready=api.is_healthy,
            ports=(port,),
            option="--prefect-port",
            url=ui_url(host, port),
        ),
        Part(name="deploy", command=(*_PENSTOCK, "deploy"), is_ready=None, after=("store", "prefect")),
        Part(
            name="worker",
            command=(*_PREFECT, "worker", "start", "--pool", POOL, "--type", "process"),
            is_ready=lambda: api.worker_is_online(POOL, started),
            after=("deploy",),
        ),
    ]

"""How the service calls programs of its own environment, and where they are found."""

from __future__ import annotations

import sys
from typing import Final

# -P: no file of the current folder comes in place of a module.
PENSTOCK: Final = (sys.executable, "-P", "-m", "pipelines.cli")
PREFECT_SERVER: Final = (sys.executable, "-P", "-m", "pipelines.service.prefect_server")


def url_here(host: str, port: int) -> str:
    """Where this machine reaches what listens at an address; all addresses are reached by loopback."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"

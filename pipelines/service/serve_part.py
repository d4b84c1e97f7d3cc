"""The tables over Arrow Flight SQL, for programs of this machine."""

from __future__ import annotations

import importlib.util
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from pipelines.service.part import Part
from pipelines.service.program import PENSTOCK

_HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 5


def can_serve() -> bool:
    """Whether what the server needs is installed."""
    return importlib.util.find_spec("datafusion") is not None


def serve_part(access: Path, port: int) -> Part:
    """`penstock serve`; always on loopback: for other machines it needs a certificate, which is not ours.

    Args:
        access: The access file, used where it is there; without it every user of this machine may read.
        port: Its port.
    """
    guarded = ("--access", str(access)) if access.exists() else ()
    return Part(
        name="serve",
        command=(*PENSTOCK, "serve", "--port", str(port), *guarded),
        is_ready=lambda: _listens(port),
        after=("store",),
        host=_HOST,
        ports=(port,),
        option="--serve-port",
        url=f"grpc+tcp://{_HOST}:{port}",
    )


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((_HOST, port), timeout=_PATIENCE_S):
        return True
    return False

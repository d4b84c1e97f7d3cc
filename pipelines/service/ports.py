"""Whether the ports of the service are free, asked before anything starts."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from pipelines.errors import ServiceError
from pipelines.service.part import Part


def check_ports(parts: Iterable[Part], host: str) -> None:
    """Does nothing where every port is free.

    Raises:
        ServiceError: Of the first part with a port that another process has.
    """
    for part in parts:
        for port in part.ports:
            if (problem := _problem(port, host)) is not None:
                raise ServiceError(
                    f"the port of a part cannot be used: {problem}",
                    where=f"{part.name}, port {port}",
                    next_step=f"end what uses it, or choose another with {part.option}",
                )


def _problem(port: int, host: str) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Else a service that stopped a minute ago would keep its ports from the next one.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            in_use = error.errno == errno.EADDRINUSE
            return "another process uses it" if in_use else str(error.strerror)
    return None

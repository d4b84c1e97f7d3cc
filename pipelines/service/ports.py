"""Where the service listens, judged before anything starts."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Iterable, Mapping

from pipelines.errors import ServiceError
from pipelines.service.part import Part
from pipelines.service.prefect_parts import AUTH


def check_host(host: str, environment: Mapping[str, str]) -> None:
    """Does nothing for a loopback address, or where a password is set.

    Raises:
        ServiceError: Whoever reaches this machine could run what they like on it.
    """
    if not (_is_loopback(host) or environment.get(AUTH)):
        raise ServiceError(
            "other machines would reach Prefect without a password, and could run what they like here",
            where=f"--host {host}",
            expected=f"a loopback address, or a password in {AUTH}",
            next_step=f"export {AUTH}=user:password; docs/service.md says what else to do",
        )


def check_ports(parts: Iterable[Part]) -> None:
    """Does nothing where every port is free, and no two parts want the same.

    Raises:
        ServiceError: Of the first part with a port that it cannot have.
    """
    taken: dict[int, str] = {}
    for part in parts:
        for port in part.ports:
            problem = f"{taken[port]} uses it" if port in taken else _problem(part.host, port)
            if problem is not None:
                raise ServiceError(
                    f"a port of the service cannot be used: {problem}",
                    where=f"{part.name}, {part.host} port {port}",
                    next_step=f"end what uses it, or choose another: penstock up {part.option} PORT",
                )
            taken[port] = part.name


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _problem(host: str, port: int) -> str | None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # Else a service that stopped a minute ago would keep its ports from the next one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return "another process uses it" if error.errno == errno.EADDRINUSE else str(error.strerror)
    return None

"""How a server is reached: with TLS, or on the loopback address alone."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import SettingsError


@dataclass(frozen=True)
class Transport:
    """An address, and the files of TLS.

    Attributes:
        host: A name or an address.
        port: 0 for any that is free.
        certificate: The server's, with those of its issuers, as PEM.
        key: Of the certificate, as PEM.
        client_ca: Who issues the certificates of clients; none is let in without one then.
    """

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None

    @property
    def scheme(self) -> str:
        """Of the URI."""
        return "grpc+tcp" if self.certificate is None else "grpc+tls"

    def uri(self, port: int | None = None) -> str:
        """Where the server listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port if port is None else port}"

    def check(self, *, has_access: bool) -> None:
        """Nothing, where strangers can neither listen nor ask.

        Raises:
            SettingsError: They could.
        """
        if (self.certificate is None) != (self.key is None):
            raise SettingsError("a certificate and its key go together", expected="--tls-cert and --tls-key")
        if self.client_ca is not None and self.certificate is None:
            raise SettingsError("certificates of clients need TLS", expected="--tls-cert and --tls-key")
        if is_loopback(self.host):
            return
        if self.certificate is None:
            raise SettingsError(
                "without TLS the server listens on the loopback address alone",
                got=f"--host {self.host}",
                expected="--tls-cert CERT.pem and --tls-key KEY.pem, or --host 127.0.0.1",
                next_step="docs/serving.md, Security, says how to make a certificate",
            )
        if not has_access:
            raise SettingsError(
                "without an access file the server listens on the loopback address alone",
                got=f"--host {self.host}",
                expected="--access FILE",
                next_step="make one: penstock token NAME --read '*' --access FILE",
            )

    def options(self) -> dict[str, Any]:
        """For `FlightServerBase`.

        Raises:
            SettingsError: A file cannot be read.
        """
        if self.certificate is None or self.key is None:
            return {}
        options: dict[str, Any] = {"tls_certificates": [(_read(self.certificate), _read(self.key))]}
        if self.client_ca is not None:
            options |= {"verify_client": True, "root_certificates": _read(self.client_ca)}
        return options


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it; names but `localhost` may be anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError("a file of TLS cannot be read", where=file, got=error.strerror) from error

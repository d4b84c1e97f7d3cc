"""Where a server may listen, and with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from serving.security.transport import Transport, is_loopback

PEM = Path("x.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    Transport(host, 0).check(has_access=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lake.example", "localhost.example", "", "0"])
def test_other_addresses_need_a_certificate_and_an_access_file(host: str) -> None:
    with pytest.raises(SettingsError, match="without TLS"):
        Transport(host, 0).check(has_access=True)
    with pytest.raises(SettingsError, match="without an access file"):
        Transport(host, 0, PEM, PEM).check(has_access=False)
    Transport(host, 0, PEM, PEM).check(has_access=True)


@pytest.mark.parametrize(
    "transport",
    [
        Transport("127.0.0.1", 0, certificate=PEM),
        Transport("127.0.0.1", 0, key=PEM),
        Transport("127.0.0.1", 0, client_ca=PEM),
    ],
)
def test_half_of_tls_is_refused(transport: Transport) -> None:
    with pytest.raises(SettingsError):
        transport.check(has_access=True)


def test_uri_of_an_address_of_ipv6_has_brackets() -> None:
    assert Transport("::1", 5).uri() == "grpc+tcp://[::1]:5"
    assert not is_loopback("::ffff:192.0.2.1")

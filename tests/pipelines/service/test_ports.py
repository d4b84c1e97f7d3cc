"""Where the service may listen."""

from __future__ import annotations

import socket

import pytest

from pipelines.errors import ServiceError
from pipelines.service.part import Part
from pipelines.service.ports import check_host, check_ports


def listening(name: str, *ports: int) -> Part:
    return Part(name=name, command=(), is_ready=None, ports=ports, option=f"--{name}-port")


def test_check_ports_of_a_port_in_use_names_part_port_and_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServiceError) as caught:
            check_ports([listening("store", port)])

    assert "another process uses it" in caught.value.what
    assert (caught.value.where, caught.value.next_step) == (
        f"store, 127.0.0.1 port {port}",
        "end what uses it, or choose another: penstock up --store-port PORT",
    )


def test_check_ports_of_a_port_just_left_does_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()  # stays in TIME_WAIT
            client.recv(1)

    check_ports([listening("store", port)])


def test_check_ports_of_two_parts_that_want_the_same_names_both() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ServiceError, match="store uses it"):
        check_ports([listening("store", port), listening("prefect", port)])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_check_host_lets_loopback_be(host: str) -> None:
    check_host(host, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_check_host_without_a_password_refuses_others(host: str) -> None:
    with pytest.raises(ServiceError, match="without a password"):
        check_host(host, {"PREFECT_SERVER_API_AUTH_STRING": ""})

    check_host(host, {"PREFECT_SERVER_API_AUTH_STRING": "user:password"})

"""Clients of plain Flight see the tables that they may read, and no others."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.serving.security.conftest import Guarded


def test_flights_and_paths_are_those_that_the_client_may_read(guarded: Guarded) -> None:
    headers = [(b"authorization", f"Bearer {guarded.tokens['reader']}".encode())]
    options = flight.FlightCallOptions(headers=headers)
    with flight.connect(guarded.uri, tls_root_certs=guarded.authority.read_bytes()) as client:
        assert [one.descriptor.path for one in client.list_flights(options=options)] == [[b"events"]]

        def refused(name: str) -> str:
            descriptor = flight.FlightDescriptor.for_path(name)
            with pytest.raises(flight.FlightError) as caught:
                client.get_flight_info(descriptor, options)
            with pytest.raises(pa.ArrowException, match="no such table") as without_rows:
                client.get_schema(descriptor, options)
            assert "Traceback" not in f"{caught.value} {without_rows.value}"
            return str(caught.value)

        assert refused("secrets") == refused("nowhere").replace("nowhere", "secrets")


def test_flights_are_listed_for_nobody_who_is_unknown(guarded: Guarded) -> None:
    with (
        flight.connect(guarded.uri, tls_root_certs=guarded.authority.read_bytes()) as client,
        pytest.raises(flight.FlightUnauthenticatedError),
    ):
        list(client.list_flights())

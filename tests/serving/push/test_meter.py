"""How much one client pushes, by a clock of the test's own."""

from __future__ import annotations

import pytest

from config.pipeline import Pipeline
from serving.errors import LimitError
from serving.push.errors import PushError
from serving.push.limits import Meter
from serving.push.place import place_of
from serving.security.client import Client
from serving.security.limits import Limits


def test_meter_refuses_what_is_beyond_the_rate_and_lets_it_in_later() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    client = Client("a", limits=Limits(pushed_bytes_a_minute=600))
    with meter.counted(client) as count:
        count(1200)  # one that has begun goes on
    for now[0], is_in in ((0.0, False), (59.0, False), (60.0, True), (600.0, True)):
        try:
            with meter.counted(client):
                assert is_in
        except LimitError:
            assert not is_in
    with meter.counted(Client("b", limits=client.limits)):
        pass


def test_meter_refuses_more_at_once_than_allowed() -> None:
    meter, client = Meter(), Client("a", limits=Limits(pushes_at_once=2))
    with meter.counted(client), meter.counted(client):
        with pytest.raises(LimitError, match="at once"), meter.counted(client):
            pass
        with meter.counted(Client("b", limits=client.limits)):
            pass
    with meter.counted(client), meter.counted(client):
        pass


def test_place_of_a_client_whose_folder_is_hidden_is_refused() -> None:
    pipeline = Pipeline(
        name="events",
        source={"uri": "s3://lake/landing"},
        contract={"columns": {"id": "int64"}},
        table={"uri": "s3://lake/events"},
    )
    place = place_of(pipeline, "client", "a.b-c_1")
    assert (place.zone, place.name) == ("s3://lake/landing", "pushed/client/a.b-c_1.arrows")
    with pytest.raises(PushError, match="give the client another name"):
        place_of(pipeline, "_client", "a")

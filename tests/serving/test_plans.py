"""Plans that are made once for GetFlightInfo and DoGet, and again where that would not be right."""

from __future__ import annotations

from typing import Any, cast

import pyarrow.flight as flight
import pytest

from serving.flight import plans
from serving.flight.plans import Plans
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from serving.queries.query import Engine, Planned
from serving.security.client import Client
from tests.serving.conftest import Served, record

_PLAN = cast("Planned", object())


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that engines planned."""
    made: list[str] = []
    plan = Engine.plan

    def told(engine: Engine, statement: Any, allowed: Any) -> Any:
        made.append(statement.sql)
        return plan(engine, statement, allowed)

    monkeypatch.setattr(Engine, "plan", told)
    return made


def test_ticket_is_planned_again_only_where_it_is_fetched_again(served: Served, planned: list[str]) -> None:
    sql = "select count(*) as n, max(now()) as at from events"
    with flight.connect(served.uri) as client:
        info = client.get_flight_info(
            flight.FlightDescriptor.for_command(pack(messages.CommandStatementQuery(query=sql)))
        )
        served.land("second", record(20))
        answers = [client.do_get(info.endpoints[0].ticket).read_all() for _ in range(2)]

    assert [one["n"][0].as_py() for one in answers] == [20, 20]
    assert planned == [sql, sql]


def test_each_statement_has_a_plan_of_its_own(served: Served, planned: list[str]) -> None:
    sql = "select cast(now() as timestamp(6)) as at, count(*) as n from events"
    with served.connect() as connection, connection.cursor() as cursor:
        rows = []
        for number in (20, 21):
            cursor.execute(sql)
            rows.append(cursor.fetchone())
            served.land(f"more {number}", record(number))

    assert rows[0][0] < rows[1][0]
    assert [one[1] for one in rows] == [20, 21]
    assert planned == [sql] * 3  # once to be prepared, and for each run


def test_plan_is_taken_once_by_who_may_the_same() -> None:
    kept = Plans()
    reader = Client("a", read=("events",))
    kept.keep("1", reader, _PLAN)
    assert kept.take("1", Client("a", read=("events",))) is _PLAN
    assert kept.take("1", reader) is None

    kept.keep("2", reader, _PLAN)
    assert kept.take("2", Client("a", read=("orders",))) is None


def test_plan_is_forgotten_when_it_is_old_or_one_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, reader = Plans(), Client("a")
    for number in range(plans._KEPT + 1):
        kept.keep(f"{number}", reader, _PLAN)
    assert kept.take("0", reader) is None
    assert kept.take("1", reader) is _PLAN

    monkeypatch.setattr(plans, "_KEPT_S", 0.0)
    assert kept.take("2", reader) is None

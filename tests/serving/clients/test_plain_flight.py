"""A client of plain `pyarrow.flight`, which packs the messages of Flight SQL itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from serving.flight.sql_facts import CASTS, KEYWORDS, MOMENTS, NUMERIC, SYSTEM, TEXT
from serving.protocol import flight_pb2
from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from serving.protocol.sql_info_pb2 import SqlInfo
from tests.serving.clients.conftest import LARGE_ROWS
from tests.serving.conftest import Served


@pytest.fixture
def client(shapes: Served) -> Iterator[Any]:
    with flight.connect(shapes.uri) as opened:
        yield opened


def command(message: Any) -> Any:
    return flight.FlightDescriptor.for_command(pack(message))


def answer(client: Any, message: Any) -> Any:
    """All rows of all endpoints; the schema is the same three times."""
    info = client.get_flight_info(command(message))
    tables = [client.do_get(endpoint.ticket).read_all() for endpoint in info.endpoints]
    schema = client.get_schema(command(message)).schema
    assert all(table.schema.equals(schema) and schema.equals(info.schema) for table in tables)
    return pa.concat_tables(tables)


def refusal(client: Any, ask: Any) -> str:
    with pytest.raises((flight.FlightError, pa.ArrowException)) as caught:
        ask(client)
    assert not any(word in str(caught.value) for word in ("Traceback", 'File "', "/landing", "/lake"))
    return str(caught.value)


def test_statement_is_fetched_by_the_tickets_of_all_endpoints(client: Any) -> None:
    got = answer(client, messages.CommandStatementQuery(query="select id from large"))

    assert (got.num_rows, got["id"].combine_chunks().sum().as_py()) == (
        LARGE_ROWS,
        LARGE_ROWS * (LARGE_ROWS - 1) // 2,
    )


def test_table_is_fetched_by_its_name_as_a_path(client: Any) -> None:
    info = client.get_flight_info(flight.FlightDescriptor.for_path("every-type"))
    (endpoint,) = info.endpoints

    got = client.do_get(endpoint.ticket).read_all()
    assert got.select(["id", "Name"]).to_pydict() == {"id": [0, 1], "Name": ["name 0", "name 1"]}
    assert client.get_schema(info.descriptor).schema.equals(got.schema)


def test_flights_are_the_tables_that_are_there(client: Any) -> None:
    names = [one.descriptor.path for one in client.list_flights()]
    some = [one.descriptor.path for one in client.list_flights(b"every%")]

    assert names == [[b"empty"], [b"every-type"], [b"every_type"], [b"large"]]
    assert some == [[b"every-type"], [b"every_type"]]


@pytest.mark.parametrize("path", [("nowhere",), ("lake", "large"), ("../large",), ('large" --',)])
def test_path_of_no_table_is_refused(client: Any, path: tuple[str, ...]) -> None:
    descriptor = flight.FlightDescriptor.for_path(*path)

    assert refusal(client, lambda one: one.get_flight_info(descriptor))


def test_catalogs_schemas_and_types_are_one_each(client: Any) -> None:
    asked = (messages.CommandGetCatalogs(), messages.CommandGetDbSchemas(), messages.CommandGetTableTypes())

    assert [list(answer(client, one).to_pylist()[0].values()) for one in asked] == [
        ["penstock"],
        ["penstock", "public"],
        ["TABLE"],
    ]


def test_tables_come_with_the_schemas_of_their_answers(client: Any) -> None:
    asked = messages.CommandGetTables(table_name_filter_pattern="large", include_schema=True)
    (row,) = answer(client, asked).to_pylist()

    schema = pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
    assert schema.names == ["id", "name", "_rescued"]
    assert answer(client, messages.CommandGetTables(table_types=["VIEW"])).num_rows == 0


@pytest.mark.parametrize(
    "message",
    [
        messages.CommandGetPrimaryKeys(table="large"),
        messages.CommandGetExportedKeys(table="large"),
        messages.CommandGetImportedKeys(table="large"),
        messages.CommandGetCrossReference(pk_table="large", fk_table="empty"),
    ],
)
def test_keys_are_none_and_have_their_columns(client: Any, message: Any) -> None:
    got = answer(client, message)

    assert got.num_rows == 0
    assert "key_sequence" in got.schema.names


def test_types_are_those_of_tables_by_number(client: Any) -> None:
    got = answer(client, messages.CommandGetXdbcTypeInfo())
    numbers = got["data_type"].to_pylist()

    assert numbers == sorted(numbers)
    assert set(got["type_name"].to_pylist()) >= {"BIGINT", "VARCHAR", "DECIMAL", "BOOLEAN", "TIMESTAMP"}
    (bigint,) = answer(client, messages.CommandGetXdbcTypeInfo(data_type=-5)).to_pylist()
    assert (bigint["type_name"], bigint["column_size"], bigint["num_prec_radix"]) == ("BIGINT", 19, 10)


def facts(client: Any, *numbers: int) -> dict[str, Any]:
    got = answer(client, messages.CommandGetSqlInfo(info=numbers))
    return dict(zip(map(SqlInfo.Name, got["info_name"].to_pylist()), got["value"].to_pylist(), strict=True))


def test_facts_are_true_of_the_server(client: Any) -> None:
    told = facts(client)
    actions = {one.type for one in client.list_actions()}

    assert (told["FLIGHT_SQL_SERVER_NAME"], told["FLIGHT_SQL_SERVER_READ_ONLY"]) == ("Penstock", True)
    assert told["FLIGHT_SQL_SERVER_CANCEL"] == ("CancelFlightInfo" in actions)
    assert (told["FLIGHT_SQL_SERVER_TRANSACTION"] > 0) == ("BeginTransaction" in actions)
    assert told["SQL_MAX_STATEMENT_LENGTH"] == 256 * 2**10
    assert dict(told["SQL_SUPPORTS_CONVERT"]) == CASTS


def test_facts_are_of_the_kinds_that_the_jdbc_driver_casts_them_to(client: Any) -> None:
    got = answer(client, messages.CommandGetSqlInfo())
    names = [SqlInfo.Name(number) for number in got["info_name"].to_pylist()]
    values = got["value"].combine_chunks()
    kinds = {
        name: values.type.field(code).name
        for name, code in zip(names, values.type_codes.to_pylist(), strict=True)
    }

    long = {name for name in names if name.startswith("SQL_MAX_")} - {"SQL_MAX_ROW_SIZE_INCLUDES_BLOBS"}
    long |= {"SQL_DEFAULT_TRANSACTION_ISOLATION", "SQL_DB_SCHEMA_NAME_LENGTH"}
    bits = {name for name in names if name.startswith("SQL_SUPPORTED_") or name.endswith("_ACTIONS")}
    assert {name for name, kind in kinds.items() if kind == "bigint_value"} == long
    assert {kinds[name] for name in bits | {"SQL_OUTER_JOINS_SUPPORT_LEVEL"}} == {"int32_bitmask"}


def test_facts_are_those_that_are_asked_for(client: Any) -> None:
    assert facts(client, 504, 0, 9_999_999) == {
        "FLIGHT_SQL_SERVER_NAME": "Penstock",
        "SQL_IDENTIFIER_QUOTE_CHAR": '"',
    }


def run(client: Any, sql: str) -> Any:
    return answer(client, messages.CommandStatementQuery(query=sql))


def test_functions_that_are_told_are_there(client: Any) -> None:
    there = run(client, "select distinct routine_name as name from information_schema.routines")

    assert set(NUMERIC + TEXT + SYSTEM + MOMENTS) <= set(there["name"].to_pylist())


@pytest.mark.parametrize("word", KEYWORDS)
def test_keywords_that_are_told_cannot_be_names(client: Any, word: str) -> None:
    assert run(client, f'select x from (select 1 as x) "{word}"').num_rows == 1
    assert refusal(client, lambda one: run(one, f"select x from (select 1 as x) {word}"))


SQL_TYPES = {
    0: "bigint", 1: "bytea", 2: "boolean", 4: "date", 5: "decimal(10, 2)", 6: "float", 7: "integer",
    13: "real", 14: "smallint", 16: "timestamp", 17: "tinyint", 19: "varchar",
}  # fmt: skip


@pytest.mark.parametrize("from_type", SQL_TYPES)
def test_casts_that_are_told_can_be_done_and_others_not(client: Any, from_type: int) -> None:
    done = []
    for to_type, name in SQL_TYPES.items():
        cast = f"select cast(x as {name}) from (select cast(null as {SQL_TYPES[from_type]}) as x from empty)"
        try:
            run(client, cast)
            done.append(to_type)
        except flight.FlightError:
            pass

    assert done == CASTS[from_type]


def test_nulls_names_and_joins_are_as_told(client: Any) -> None:
    nulls = run(client, "select x from (values (1), (null), (3)) t(x) order by x")
    names = run(client, 'select 1 as "Quoted", 2 as Folded')
    joined = run(client, "select * from (values (1)) a(x) full join (values (2)) b(y) on x = y")

    assert nulls["x"].to_pylist() == [1, 3, None]  # high: last
    assert (names.schema.names, joined.num_rows) == (["Quoted", "folded"], 2)


@pytest.mark.parametrize(
    "action",
    ["BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint", "CreatePreparedSubstraitPlan"],
)
def test_action_of_transactions_and_plans_is_refused_as_not_supported(client: Any, action: str) -> None:
    assert "not supported" in refusal(client, lambda one: list(one.do_action(flight.Action(action, b""))))


@pytest.mark.parametrize("action", ["DropEverything", ""])
def test_unknown_action_is_refused_with_those_there_are(client: Any, action: str) -> None:
    told = refusal(client, lambda one: list(one.do_action(flight.Action(action, b""))))

    assert "CreatePreparedStatement" in told


@pytest.mark.parametrize("body", [b"\xff\xff", b"", pack(messages.CommandGetCatalogs())])
@pytest.mark.parametrize("action", ["CreatePreparedStatement", "CancelFlightInfo", "CancelQuery"])
def test_action_with_a_wrong_body_is_refused(client: Any, action: str, body: bytes) -> None:
    assert refusal(client, lambda one: list(one.do_action(flight.Action(action, body))))


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff" * 20, b"select 1", pack(flight_pb2.CloseSessionRequest()), pack(messages.SubstraitPlan())],
)
def test_unknown_command_is_refused_clearly(client: Any, data: bytes) -> None:
    descriptor = flight.FlightDescriptor.for_command(data)

    assert "not a request" in refusal(client, lambda one: one.get_flight_info(descriptor))
    assert "not a request" in refusal(client, lambda one: one.get_schema(descriptor))
    assert "not a request" in refusal(client, lambda one: one.do_get(flight.Ticket(data)).read_all())


@pytest.mark.parametrize(
    "message",
    [
        messages.CommandStatementUpdate(query="delete from large"),
        messages.CommandPreparedStatementUpdate(prepared_statement_handle=b"x"),
    ],
)
def test_update_is_refused_as_the_server_only_reads(client: Any, message: Any) -> None:
    def put(one: Any) -> None:
        writer, reader = one.do_put(command(message), pa.schema([]))
        writer.done_writing()
        reader.read()
        writer.close()

    assert "only reads" in refusal(client, put)


def test_exchange_is_refused(client: Any) -> None:
    def exchange(one: Any) -> None:
        writer, reader = one.do_exchange(flight.FlightDescriptor.for_path("large"))
        writer.begin(pa.schema([]))
        reader.read_all()

    assert "DoExchange" in refusal(client, exchange)


def test_session_options_are_told_set_and_refused(client: Any) -> None:
    def act(name: str, request: Any, kind: Any) -> Any:
        (result,) = client.do_action(flight.Action(name, request.SerializeToString()))
        return kind.FromString(result.body.to_pybytes())

    value = flight_pb2.SessionOptionValue
    told = act("GetSessionOptions", flight_pb2.GetSessionOptionsRequest(), flight_pb2.GetSessionOptionsResult)
    asked = {"schema": value(string_value="public"), "catalog": value(int64_value=1), "x": value()}
    request = flight_pb2.SetSessionOptionsRequest(session_options=asked)
    answered = act("SetSessionOptions", request, flight_pb2.SetSessionOptionsResult)

    assert {name: one.string_value for name, one in told.session_options.items()} == {
        "catalog": "penstock",
        "schema": "public",
    }
    assert {name: error.value for name, error in answered.errors.items()} == {
        "catalog": flight_pb2.SetSessionOptionsResult.INVALID_VALUE,
        "x": flight_pb2.SetSessionOptionsResult.INVALID_NAME,
    }


def test_session_that_is_closed_forgets_its_statements(client: Any) -> None:
    request = pack(messages.ActionCreatePreparedStatementRequest(query="select 1"))
    (made,) = client.do_action(flight.Action("CreatePreparedStatement", request))
    (closed,) = client.do_action(flight.Action("CloseSession", b""))

    assert made.body.size
    result = flight_pb2.CloseSessionResult.FromString(closed.body.to_pybytes())
    assert result.status == flight_pb2.CloseSessionResult.CLOSED
    gone = command(messages.CommandPreparedStatementQuery(prepared_statement_handle=b"gone"))
    assert "no such prepared statement" in refusal(client, lambda one: one.get_flight_info(gone))

"""What is asked of a server: statements made of pieces, and requests of which some bytes were changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.flight as flight
from hypothesis import strategies as st

from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from tests.fuzz.asked_server import Asked, asked, sql
from tests.serving.security.test_random_requests import field_of

_VALUES: Final = """
id kind at day null true 0 -1 1.5 1e308 9223372036854775807 18446744073709551616 '' 'k1' 'NaN' x'00ff'
events.id * count(*) $1 ? ?? $2 $0 :a @x now() [1,null] interval'1day' date'2026-01-01' (select(1))
(select(id)from(events)) array[] {} struct(1) arrow_typeof(id) cast(id::text::int) -id not(true)
date_trunc('day',at) to_timestamp(1e18) exp(1e9) chr(0) substr(kind,-9223372036854775808) make_date(1,2,3)
split_part(kind,'',-1) round(1.5,2147483647) power(9,999) 1/0 id%0 abs(-9223372036854775808)
regexp_like(kind,'(a+)+$') flatten([[1]]) rank()over(order(by(id)))
"""
_OPERATORS: Final = """
= < >= <> + - * / % || and or like in between ~ & << :: -> [ is as , collate is_distinct_from at_time_zone
"""
_TABLES: Final = """
events
"events@0"
"events@9"
events for version as of 0
events for timestamp as of '2999-01-01'
events for version as of 99999999999999999999
penstock.public.events e
information_schema.tables
information_schema.columns
generate_series(1, 100) g(value)
generate_series(1, 1000000000000)
(values (1), (null)) v
unnest([1, 2]) u
events a, events b
events join events on true
events tablesample(1)
(select * from events) s
nowhere
'/etc/passwd'
"../lake"
read_csv('x')
"""
_VERBS: Final = """
select
explain
explain analyze
describe
insert into events
copy
set
create external table x location '/' as
delete from
with recursive r as
"""
_CLAUSES: Final = ("where", "group by", "having", "order by", "limit", "union all select", "except select")
_HOW: Final = ("set", "cut", "add", "twice", "end")


_TYPED: Final = {
    "n": """
id
0
-1
1.5
9223372036854775807
18446744073709551615
cast('NaN' as double)
{n} + {n}
{n} * {n}
{n} / {n}
{n} % {n}
abs({n})
round({n}, {n})
power({n}, {n})
cast({t} as bigint)
cast({n} as int)
length({t})
case when {b} then {n} end
extract(year from {m})
array_length([{n}, {n}])
count(*) over (partition by {t} order by {n})
(select max(id) from events)
""",
    "t": """
kind
''
'k1'
null
upper({t})
substr({t}, {n})
split_part({t}, {t}, {n})
{t} || {t}
replace({t}, {t}, {t})
regexp_replace({t}, {t}, {t})
translate({t}, {t}, {t})
cast({n} as text)
cast({m} as text)
chr({n})
concat_ws({t}, {t}, {t})
to_char({m}, {t})
encode(cast({t} as bytea), 'hex')
string_agg({t}, ',') over ()
""",
    "b": """
true
id < {n}
{n} = {n}
{t} like {t}
{t} ~ {t}
{b} and {b}
not ({b})
{t} in ({t}, {t})
{n} between {n} and {n}
{m} < {m}
{t} is null
exists (select 1 from events where {b})
""",
    "m": """
at
now()
to_timestamp({n})
date_trunc('day', {m})
{m} + interval '1 day'
at time zone 'UTC'
date_bin(interval '1 hour', {m}, {m})
""",
}
_DEEP: Final = 4
_LEAVES: Final = {"n": "7", "t": "'x'", "b": "true", "m": "at"}
_FROM: Final = ("events", "events join (select * from events) as other using (id, kind, at)")


def _one_of(lines: str) -> st.SearchStrategy[str]:
    return st.sampled_from(lines.strip().splitlines())


@st.composite
def _expressions(draw: st.DrawFn) -> str:
    values = st.sampled_from(_VALUES.split())
    operators = st.sampled_from(_OPERATORS.split())
    parts = [draw(values)]
    for _ in range(draw(st.integers(0, 4))):
        parts += [draw(operators).replace("_", " "), draw(values)]
    said = " ".join(parts)
    return f"({said})" if draw(st.booleans()) else said


@st.composite
def _typed(draw: st.DrawFn, kind: str, depth: int = 0) -> str:
    """A number, a text, a condition or a moment, made of parts of the types that they need."""
    said = draw(_one_of(_TYPED[kind]))
    while (at := said.find("{")) >= 0:
        part = said[at + 1]
        inner = draw(_typed(part, depth + 1)) if depth < _DEEP else _LEAVES[part]
        said = f"{said[:at]}{inner}{said[at + 3 :]}"
    return f"({said})"


@st.composite
def _likely(draw: st.DrawFn) -> str:
    """Most of them can be answered."""
    columns = ", ".join(
        draw(_typed(kind)) for kind in draw(st.lists(st.sampled_from("ntbm"), min_size=1, max_size=3))
    )
    where = f" where {draw(_typed('b'))}" if draw(st.booleans()) else ""
    order = f" order by {draw(_typed('n'))}" if draw(st.booleans()) else ""
    return f"select {columns} from {draw(st.sampled_from(_FROM))}{where}{order}"


@st.composite
def _unlikely(draw: st.DrawFn) -> str:
    """Few of them."""
    said = f"{draw(_expressions())} from {draw(_one_of(_TABLES))}"
    for clause in _CLAUSES:
        if not draw(st.integers(0, 4)):
            said += f" {clause} {draw(_expressions())}"
    return f"{draw(_one_of(_VERBS)) if not draw(st.integers(0, 5)) else 'select'} {said}"


@st.composite
def statements(draw: st.DrawFn) -> str:
    """Nearly SQL."""
    said = draw(_unlikely() if not draw(st.integers(0, 2)) else _likely())
    return said if draw(st.integers(0, 3)) else edited(said.encode(), draw(EDITS)).decode(errors="replace")


EDITS: Final = st.lists(
    st.tuples(st.integers(0, 2**16), st.sampled_from(_HOW), st.integers(0, 255)),
    max_size=6,
)  # fmt: skip
"""Changes of some bytes."""


def edited(data: bytes, edits: list[tuple[int, str, int]]) -> bytes:
    """Some bytes changed, left out, put in or doubled, or the end cut off."""
    for at, how, value in edits:
        place = at % (len(data) + 1)
        before, after = data[:place], data[place:]
        match how:
            case "set":
                data = before + bytes([value]) * bool(after) + after[1:]
            case "cut":
                data = before + after[value % 16 :]
            case "add":
                data = before + bytes([value]) + after
            case "twice":
                data = data + before[-value:]
            case "end":
                data = before
    return data


_MESSAGES: Final = [
    one
    for name in sorted(dir(messages))
    if isinstance(one := getattr(messages, name), type) and name.startswith(("Command", "Ticket", "Action"))
]
_ACTIONS: Final = ("CreatePreparedStatement", "ClosePreparedStatement", "CancelFlightInfo", "CancelQuery",
                   "CloseSession", "GetSessionOptions", "SetSessionOptions")  # fmt: skip


@st.composite
def _commands(draw: st.DrawFn) -> bytes:
    """A message of Flight SQL with any fields, and changed."""
    message = draw(st.sampled_from(_MESSAGES))()
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated or field.message_type or not draw(st.booleans()):
            continue
        values: Any = st.text(max_size=8) | statements()
        if field.cpp_type != field.CPPTYPE_STRING:
            values = st.booleans() if field.cpp_type == field.CPPTYPE_BOOL else st.integers(0, 3)
        elif field.type == field.TYPE_BYTES:
            values = st.binary(max_size=20)
        setattr(message, field.name, draw(values))
    return edited(pack(message), draw(EDITS))


requests: Final = st.one_of(
    st.tuples(st.just("sql"), statements(), st.just([])),
    st.tuples(st.just("prepared"), statements(), EDITS),
    st.tuples(st.just("command"), _commands(), st.just([])),
    st.tuples(st.just("path"), st.lists(st.text(max_size=20) | _one_of(_TABLES), max_size=3), st.just([])),
    st.tuples(st.just("ticket"), statements() | st.just("select * from events"), EDITS),
    st.tuples(st.just("get"), _commands(), st.just([])),
    st.tuples(st.sampled_from(_ACTIONS), _commands() | st.binary(max_size=50), st.just([])),
    st.tuples(st.just("parameters"), st.sampled_from(["id", "kind", "at"]), EDITS),
    st.tuples(st.just("push"), _commands(), EDITS),
)
"""A kind of request, what is asked, and how its bytes are changed."""


def check_request(request: tuple[str, Any, list[tuple[int, str, int]]]) -> None:
    """The server survives it, and shows nothing of itself."""
    kind, what, edits = request
    to = asked()
    to.check(lambda: _ask(to, kind, what, edits))
    to.check_next()


def _ask(to: Asked, kind: str, what: Any, edits: list[tuple[int, str, int]]) -> None:
    match kind:
        case "sql":
            for endpoint in to.info(sql(what)).endpoints:
                to.rows(endpoint.ticket.ticket)
        case "prepared":
            to.rows(edited(to.prepare(what), edits))
        case "command":
            descriptor = flight.FlightDescriptor.for_command(what)
            to.check(lambda: to.schema(descriptor))
            for endpoint in to.info(descriptor).endpoints:
                to.rows(endpoint.ticket.ticket)
        case "path":
            to.info(flight.FlightDescriptor.for_path(*what))
        case "ticket":
            to.rows(edited(to.info(sql(what)).endpoints[0].ticket.ticket, edits))
        case "get":
            to.rows(what)
        case "parameters":
            command = to.prepare(f"select id from events where {what} = ?")
            to.check(lambda: to.put(_put(command, edits)))
            to.rows(command)
        case "push":
            to.put(_put(what, edits))
        case _:
            to.act(kind, what)


def _put(command: bytes, edits: list[tuple[int, str, int]]) -> Iterator[bytes]:
    """A schema and a row as `FlightData`; changed are head and body of the row, at times the schema."""
    batch = pa.record_batch({"1": pa.array(["k0"]), "2": pa.array([[1, None]])})
    schema = batch.schema.serialize().to_pybytes()[8:]
    message = pa.ipc.read_message(batch.serialize())
    descriptor = field_of(1, b"\x08\x02" + field_of(2, command))
    yield descriptor + field_of(2, edited(schema, edits) if len(edits) % 2 else schema)
    body = edited(message.body.to_pybytes(), edits[1:])
    yield field_of(2, edited(message.metadata.to_pybytes(), edits[:1])) + field_of(1000, body)

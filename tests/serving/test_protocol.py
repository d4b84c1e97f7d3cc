"""Our messages of Flight are those of the protocol, and the code is made of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from serving.flight.sql_facts import facts
from serving.protocol import flight_pb2, flight_sql_pb2, sql_info_pb2
from serving.security.limits import Limits
from tests.serving.arrow_messages import arrow_messages

ROOT = Path(__file__).parents[2]
PAIRS = [
    (flight_pb2, "Flight.proto"),
    (flight_sql_pb2, "FlightSql.proto"),
    (sql_info_pb2, "FlightSql.proto"),
]
OPAQUE = {"CancelFlightInfoRequest.info"}
"""Messages there, bytes here: the same on the wire, and pyarrow reads what is in them."""
NOT_ANSWERED = {"FLIGHT_SQL_SERVER_SUBSTRAIT_MIN_VERSION", "FLIGHT_SQL_SERVER_SUBSTRAIT_MAX_VERSION"}


def fields(messages: Sequence[DescriptorProto], around: str = "") -> Iterator[tuple[str, tuple[object, ...]]]:
    for message in messages:
        name = f"{around}{message.name}"
        for field in message.field:
            of_oneof = field.HasField("oneof_index") and message.oneof_decl[field.oneof_index].name
            yield f"{name}.{field.name}", (*told(f"{name}.{field.name}", field), of_oneof)
        yield from fields(message.nested_type, f"{name}.")


def told(name: str, field: FieldDescriptorProto) -> tuple[object, ...]:
    kind = (0, "") if name in OPAQUE else (field.type, field.type_name)
    return field.number, *kind, field.label, field.proto3_optional


def enums(file: FileDescriptorProto | DescriptorProto) -> Iterator[tuple[str, EnumDescriptorProto]]:
    for one in file.enum_type:
        yield one.name, one
    for message in file.message_type if isinstance(file, FileDescriptorProto) else file.nested_type:
        yield from ((f"{message.name}.{name}", one) for name, one in enums(message))


def descriptor(module: object) -> FileDescriptorProto:
    made = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(made)  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_messages_have_the_fields_that_arrow_has(ours: object, theirs: str) -> None:
    made, arrows = descriptor(ours), arrow_messages(theirs)
    own, known = dict(fields(made.message_type)), dict(fields(arrows.message_type))

    assert made.package == arrows.package
    assert {name: (one, known.get(name)) for name, one in own.items() if known.get(name) != one} == {}
    missing = {name for name in known if any(name.startswith(f"{one.name}.") for one in made.message_type)}
    assert missing <= set(own)
    assert {one.name for one in made.message_type} <= {one.name for one in arrows.message_type}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda one: getattr(one, "__name__", one))
def test_enums_have_the_values_that_arrow_has(ours: object, theirs: str) -> None:
    known = dict(enums(arrow_messages(theirs)))

    for name, one in enums(descriptor(ours)):
        assert [(value.name, value.number) for value in one.value] == [
            (value.name, value.number) for value in known[name].value
        ]


def test_facts_are_all_that_the_protocol_asks_for() -> None:
    assert set(facts(Limits())) == set(sql_info_pb2.SqlInfo.keys()) - NOT_ANSWERED


def test_stubs_are_what_the_compiler_makes_of_the_messages(tmp_path: Path) -> None:
    sources = sorted(path.relative_to(ROOT) for path in (ROOT / "serving" / "protocol").glob("*.proto"))

    compiler = [sys.executable, "-m", "grpc_tools.protoc", "-I."]
    out = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([*compiler, *out, *map(str, sources)], cwd=ROOT, check=True)

    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*_pb2.py*"))
    assert len(made) == 2 * len(sources)
    assert [one for one in made if (tmp_path / one).read_bytes() != (ROOT / one).read_bytes()] == [], (
        "make stubs"
    )


def test_makefile_compiles_all_messages() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(
        r"^stubs:.*\n.*grpc_tools\.protoc .*\$\(wildcard serving/protocol/\*\.proto\)$", makefile, re.M
    )

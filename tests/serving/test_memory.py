"""What a server holds for clients that take their time: some pieces of the answer, however large it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from serving.protocol import flight_sql_pb2 as messages
from serving.protocol.messages import pack
from storage.layout.file_layout import FileLayout
from storage.layout.table_writer import TableWriter
from storage.skipping import plan
from storage.tables.commits import commit_batch
from tests.serving.watched_server import MIB, WatchedServer, watched

pytestmark = pytest.mark.long

_TEXT: Final = 56
_FILES: Final = 8
_FILE_ROWS: Final = 2_000_000
_ROW_GROUP_ROWS: Final = 65_536
_ROW_BYTES: Final = _TEXT + 8 + 4
_ANSWER_BYTES: Final = _FILES * _FILE_ROWS * _ROW_BYTES
_THREADS: Final = 2
_CACHE_BYTES: Final = 64 * MIB
_PIECE_BYTES: Final = int(plan._RUN_BYTES * 1.6)
"""Of a file, that each thread holds: row groups of so many bytes, decoded, and as they were stored."""
_AHEAD_BYTES: Final = 30 * 65_536 * _ROW_BYTES
"""Batches on their way through the engine, which is done with some before the first is fetched."""
_STREAM_BYTES: Final = _THREADS * _PIECE_BYTES + _AHEAD_BYTES
_BESIDE: Final = 48 * MIB
"""Of all sorts: what the allocator keeps, what gRPC has written ahead."""
PIPELINE: Final = """\
name: events
source: {{uri: "{folder}/landing"}}
contract: {{columns: {{id: int64!, name: string}}}}
table: {{uri: "{folder}/lake/events"}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipelines folder with the table `events`: 1.1 GB of Arrow that hardly compress."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "events.yaml").write_text(PIPELINE.format(folder=folder))
    uri = str(folder / "lake" / "events")
    files = [_file(uri, number) for number in range(_FILES)]
    schema = pl.Schema({"id": pl.Int64(), "name": pl.String()})
    commit_batch(
        uri, None, app_id="test", batch=1, files=[one for few in files for one in few], schema=schema,
        partition_by=(),
    )  # fmt: skip
    return folder


def _file(uri: str, number: int) -> Any:
    text = pa.py_buffer(os.urandom(_FILE_ROWS * _TEXT // 2).hex().encode())
    ends = pa.array(range(0, _FILE_ROWS * _TEXT + 1, _TEXT), pa.int32()).buffers()[1]
    rows = pl.DataFrame(
        {
            "id": range(number * _FILE_ROWS, (number + 1) * _FILE_ROWS),
            "name": pl.from_arrow(pa.Array.from_buffers(pa.string(), _FILE_ROWS, [None, ends, text])),
        }
    )
    with TableWriter(
        uri, partition_by=(), layout=FileLayout(row_group_rows=_ROW_GROUP_ROWS), buffer_bytes=2**28
    ) as writer:
        writer.write(rows)
        return writer.finish()


@pytest.fixture
def server(folder: Path) -> Iterator[WatchedServer]:
    """A server of this table that keeps nothing for later, and has answered before."""
    with watched(folder, PENSTOCK_CACHE="0", PENSTOCK_THREADS=str(_THREADS)) as started:
        _ask(started, "select max(id) from events where id < 10")
        yield started


def _info(client: Any, sql: str) -> Any:
    command = pack(messages.CommandStatementQuery(query=sql))
    return client.get_flight_info(flight.FlightDescriptor.for_command(command))


def _ask(server: WatchedServer, sql: str) -> int:
    """Reads all of the answer, batch by batch; how many rows there are."""
    with flight.connect(server.uri) as client:
        tickets = [one.ticket for one in _info(client, sql).endpoints]
        return sum(chunk.data.num_rows for ticket in tickets for chunk in client.do_get(ticket))


@pytest.mark.parametrize("sql", ["select * from events", "select id, upper(name) as name from events"])
def test_client_that_waits_makes_the_server_hold_a_few_pieces_of_each_part(
    server: WatchedServer, sql: str
) -> None:
    before = server.settled_memory_bytes()
    with flight.connect(server.uri) as client, ExitStack() as opened:
        endpoints = _info(client, sql).endpoints
        for parts, one in enumerate(endpoints, 1):
            stream = client.do_get(one.ticket)
            opened.callback(stream.cancel)
            assert 0 < stream.read_chunk().data.num_rows <= 65_536
            grown = server.settled_memory_bytes() - before
            assert grown < parts * _STREAM_BYTES + _BESIDE
    assert parts == _THREADS
    assert parts * _STREAM_BYTES + _BESIDE < _ANSWER_BYTES * 0.75  # or this would say nothing


def test_cache_stays_as_small_as_it_is_set(folder: Path) -> None:
    with watched(folder, PENSTOCK_CACHE=f"{_CACHE_BYTES}", PENSTOCK_THREADS=str(_THREADS)) as server:
        _ask(server, "select max(id) from events where id < 10")
        before = server.settled_memory_bytes()
        for sql in ["select sum(id) from events"] * 3 + ["select * from events"] * 2:
            _ask(server, sql)
            grown = server.settled_memory_bytes() - before
            assert grown < _CACHE_BYTES + _STREAM_BYTES + _BESIDE

"""A push from end to end: permission, contract, rows, file, receipt.

reader ──► each record batch checked ──► hash of all rows ──► hidden file ──► visible under the id ──► receipt

The file that lies under an id is all that is known of it. Who comes second, be it a repetition, after a lost
receipt or a race, is told whether the file holds the same rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa

from config.pipeline import Pipeline
from serving.catalog import Catalog
from serving.errors import AbandonedError, AccessError, UnknownTableError
from serving.push.contents import Contents
from serving.push.errors import ConflictError, PushError
from serving.push.fitting import check_schema
from serving.push.limits import Meter
from serving.push.place import Place, place_of
from serving.push.remembered import Remembered
from serving.push.request import PushRequest, Receipt
from serving.push.rows import Incoming
from serving.push.silence import connection_ended
from serving.push.stored import StoredRows, stored_contents
from serving.security.client import Client
from storage.errors import NotFoundError, OutOfSpaceError, StorageError
from storage.landing.new_file import new_file
from storage.reading.typed.column_types import plain_schema
from storage.tables.write_probe import probe_store

_LOG: Final = logging.getLogger(__name__)
_CAUSES: Final[dict[type[StorageError], str]] = {
    NotFoundError: "the folder of the landing zone is not there",
    OutOfSpaceError: "the landing zone is full; nothing is stored",
}
_GRACE_S: Final = 5.0
"""More for a client, to be told that its time is over; one that stays silent cannot be told."""


class Caller(Protocol):
    """Of a `pyarrow.flight.ServerCallContext`."""

    def is_cancelled(self) -> bool:
        """Whether the client has left, or cancelled."""

    def peer(self) -> str:
        """The other side of the connection, as gRPC names it."""


class Pushes:
    """Takes pushed batches for the pipelines of a catalog; safe to be used by several threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._meter = Meter()
        self._remembered = Remembered()

    def take(self, request: PushRequest, client: Client, reader: Any, caller: Caller) -> Receipt:
        """Stores the rows, durably, or finds that they are.

        Args:
            request: What the client says of them.
            client: Whose they are.
            reader: Of record batches, with `schema` and `read_chunk`.
            caller: The other side of the request.

        Raises:
            AccessError: The client may not push there; it is not told whether there is such a pipeline.
            PushError: The rows do not fit, or cannot be stored; nothing of them is.
            LimitError: They are too many; nothing of them is stored.
            AbandonedError: The client has gone; nothing is stored.
            StorageError: The store failed. Push again with the same id: nobody knows whether they are stored.
        """
        pipeline = self._pipeline(request.pipeline, client)
        place = place_of(pipeline, client.name, request.batch)
        with self._meter.counted(client) as count, _told(pipeline):
            check_schema(reader.schema, pipeline.contract, pipeline.name)
            incoming = Incoming(reader, client.limits, count)
            within_s = client.limits.push_time.total_seconds() + _GRACE_S
            push = _Push(place, incoming, reader.schema, request.says_complete, caller, within_s)
            probe_store(place.zone)
            is_there = stored_contents(place) is not None
            if not is_there and self._remembered.has(pipeline, place):
                raise _gone(request, pipeline)
            is_new, contents = push.compare() if is_there else push.store()
            if not is_new and stored_contents(place) != contents:
                raise _conflict(request, pipeline)
        return Receipt(pipeline.name, request.batch, place.name, incoming.rows, incoming.bytes, not is_new)

    def _pipeline(self, name: str, client: Client) -> Pipeline:
        if client.may_push(name):
            try:
                return self._catalog.pipeline(name)
            except UnknownTableError as error:
                raise PushError(
                    "there is no such pipeline", got=ascii(name), expected="a name of the pipelines folder"
                ) from error
        raise AccessError("the client may not push to this pipeline", got=ascii(name[:255]))


@dataclass(frozen=True)
class _Push:
    place: Place
    incoming: Incoming
    schema: pa.Schema
    says_complete: bool
    caller: Caller
    within_s: float

    def store(self) -> tuple[bool, str]:
        """(whether the file is this one, the hash of the rows)."""
        with new_file(self.place.zone, self.place.name) as new:
            file = StoredRows(new.file, plain_schema(self.schema), self.place.zone)
            contents = self._read(file.write)
            file.end(contents)
            self._check_there()
            return new.land(), contents

    def compare(self) -> tuple[bool, str]:
        """The same, where there is a file already."""
        return False, self._read(lambda _rows: None)

    def _read(self, write: Callable[[pa.RecordBatch], None]) -> str:
        contents = Contents(self.schema)
        with connection_ended(self.caller.peer(), self.within_s):
            for rows in self.incoming.pieces():
                contents.add(rows)
                write(rows)
        if self.says_complete:
            self.incoming.check_complete()
        self._check_there()
        return contents.hexdigest()

    def _check_there(self) -> None:
        if self.caller.is_cancelled():
            raise AbandonedError("the client has gone; nothing is stored")


@contextmanager
def _told(pipeline: Pipeline) -> Iterator[None]:
    """What the store says of itself is for the log; a client is told what it may do."""
    try:
        yield
    except StorageError as error:
        if error.retryable:
            raise
        _LOG.error("a batch pushed to %s is not stored: %s", pipeline.name, error)
        raise PushError(
            _CAUSES.get(type(error), "the landing zone cannot be written"),
            where=f"pipeline {pipeline.name}",
            next_step="tell the operator, whose log says more; then push again, with the same id",
        ) from error


def _conflict(request: PushRequest, pipeline: Pipeline) -> ConflictError:
    return ConflictError(
        "other rows were pushed under this id; they stay, and these are not stored",
        where=f"pipeline {pipeline.name}",
        got=request.batch,
        expected="the same columns and rows in the same order as the first time, or an id that is new",
    )


def _gone(request: PushRequest, pipeline: Pipeline) -> ConflictError:
    return ConflictError(
        "a batch of this id was taken in, and its file is gone: nobody can tell whether these are its rows",
        where=f"pipeline {pipeline.name}",
        got=request.batch,
        expected="an id that is new; nothing is stored",
    )

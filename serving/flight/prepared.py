"""Prepared statements: kept by the server until they are closed, or too many."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any, NamedTuple

from serving.errors import LimitError, ProtocolError
from serving.queries.query import Statement


class _Kept(NamedTuple):
    statement: Statement
    session: str


class PreparedStatements:
    """Statements by the handle that a client holds; a client reaches its own only.

    A client may have several connections at a time, all under one name: a session is one of them.
    """

    def __init__(self) -> None:
        self._kept: dict[str, OrderedDict[bytes, _Kept]] = {}
        self._lock = threading.Lock()

    def keep(self, client: str, statement: Statement, most: int, session: str = "") -> bytes:
        """The handle of a new one; of more than `most`, the one that was used longest ago is forgotten."""
        handle = secrets.token_bytes(16)
        with self._lock:
            own = self._kept.setdefault(client, OrderedDict())
            own[handle] = _Kept(statement, session)
            if len(own) > most:
                own.popitem(last=False)
        return handle

    def get(self, client: str, handle: bytes) -> Statement:
        """The statement, with the parameters that were bound last.

        Raises:
            ProtocolError: The client has none of that handle.
        """
        with self._lock:
            return self._find(client, handle).statement

    def bind(self, client: str, handle: bytes, parameters: Any) -> None:
        """Keeps one row of parameters for the statement; errors as of `get`.

        Raises:
            LimitError: There is more than one row.
        """
        if parameters is not None and parameters.num_rows != 1:
            raise LimitError(
                "parameters of one row can be bound",
                got=f"{parameters.num_rows} rows",
                expected="1 row",
                next_step="run the statement once for each row",
            )
        with self._lock:
            found = self._find(client, handle)
            bound = replace(found.statement, parameters=parameters)
            self._kept[client][handle] = found._replace(statement=bound)

    def close(self, client: str, handle: bytes) -> None:
        """Forgets the statement; nothing happens where it is not there."""
        with self._lock:
            self._kept.get(client, OrderedDict()).pop(handle, None)

    def close_all(self, client: str, session: str = "") -> None:
        """Forgets all statements of a client's session; those of its other sessions stay."""
        with self._lock:
            own = self._kept.get(client, OrderedDict())
            for handle in [handle for handle, kept in own.items() if kept.session == session]:
                del own[handle]
            if not own:
                self._kept.pop(client, None)

    def _find(self, client: str, handle: bytes) -> _Kept:
        own = self._kept.get(client, OrderedDict())
        if handle not in own:
            raise ProtocolError(
                "no such prepared statement",
                expected="one that this client prepared and has not closed",
                next_step="prepare it again",
            )
        own.move_to_end(handle)
        return own[handle]

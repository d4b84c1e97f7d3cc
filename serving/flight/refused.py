"""What Flight SQL knows and this server never does: it reads, and each statement stands by itself."""

from __future__ import annotations

from typing import Final

from serving.errors import ProtocolError

_NO_TRANSACTIONS: Final = "one statement at a time: each sees one version of each table, and writes nothing"
_NO_SUBSTRAIT: Final = "a statement in SQL"
_ONLY_READ: Final = "a query: the server only reads"
_EXPECTED: Final = {
    "BeginTransaction": _NO_TRANSACTIONS,
    "EndTransaction": _NO_TRANSACTIONS,
    "BeginSavepoint": _NO_TRANSACTIONS,
    "EndSavepoint": _NO_TRANSACTIONS,
    "CreatePreparedSubstraitPlan": _NO_SUBSTRAIT,
    "CommandStatementSubstraitPlan": _NO_SUBSTRAIT,
    "CommandStatementUpdate": _ONLY_READ,
    "CommandPreparedStatementUpdate": _ONLY_READ,
}


def refused(name: str) -> ProtocolError | None:
    """What a client is told that asks for this action or sends this message; None for all others."""
    expected = _EXPECTED.get(name)
    return None if expected is None else ProtocolError("not supported", got=name, expected=expected)

"""What one client may take, and all clients together."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from config.model import Spec
from config.schedule import Duration
from config.source import Bytes

Count = Annotated[int, Field(strict=True, ge=1, le=100_000)]
_KIB: Final = 2**10
_GIB: Final = 2**30


class Limits(Spec):
    """What one client may take. Errors name the limit as it is called here.

    Attributes:
        statement_time: Of one statement, from its start to its last batch. What the client takes to fetch the
            rows counts: a statement holds memory for as long.
        statements_at_once: That run or are fetched at the same time; one more waits for its turn.
        wait_time: How long it waits, before it is refused.
        result_bytes: Of Arrow, of one statement, or of one part of it that is fetched by itself.
        prepared_statements: Kept at the same time; one more replaces the one that was used longest ago.
        parameter_bytes: Of Arrow, bound to one prepared statement.
        statement_bytes: Of its text, in UTF-8.
        endpoints: Into how many parts, to be fetched side by side, one statement is cut.
        push_time: Of one pushed batch, until its last row has come. What the client takes to send it counts.
        push_bytes: Of one pushed batch: of Arrow in memory, texts that are shared written out.
        push_rows: Of one pushed batch.
        pushed_bytes_a_minute: Of all batches, over a while: what was not used is kept for a minute.
        pushes_at_once: Batches that come at the same time; one more is refused.
    """

    statement_time: Duration = timedelta(minutes=10)
    statements_at_once: Count = 16
    wait_time: Duration = timedelta(seconds=30)
    result_bytes: Bytes = 64 * _GIB
    prepared_statements: Count = 256
    parameter_bytes: Bytes = _KIB * _KIB
    statement_bytes: Bytes = 256 * _KIB
    endpoints: Count = 16
    push_time: Duration = timedelta(minutes=10)
    push_bytes: Bytes = 4 * _GIB
    push_rows: Annotated[int, Field(strict=True, ge=1)] = 100_000_000
    pushed_bytes_a_minute: Bytes = 16 * _GIB
    pushes_at_once: Count = 16


class ServerLimits(Spec):
    """What all clients together may take.

    Attributes:
        statements_at_once: As of a client.
    """

    statements_at_once: Count = 64

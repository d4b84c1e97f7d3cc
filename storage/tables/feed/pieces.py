"""A data file of a source table as a batch takes it in, and the text that says so in the ledger.

The ledger knows a file by its path and its identity. For files of a table the identity is a JSON object that
holds all that is needed to read it, so that a batch needs no log once it is planned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import polars as pl

from storage.landing.listing import LANDING_SCHEMA

What = Literal["snapshot", "added", "removed", "partition", "no rows"]
"""What a file is: one that was there when the first batch was planned; one that a version added, or took out;
one of a partition that is read as a whole, or which is empty."""

WAITING_SCHEMA: Final = pl.Schema(LANDING_SCHEMA | {"version": pl.Int64(), "unit": pl.Int64()})
"""Files as a landing zone has them, and the number of the unit that a file belongs to: files of one unit are
taken in by one batch."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file.

    Attributes:
        table: The id of the table, which tells it from one that is made anew in its place.
        version: Of the table: the one that made the file what it is here; of a snapshot or a partition, the
            one whose rows are meant.
        rows: How many it holds, by the log; None where that does not tell.
        values: Of the partition columns, as text; by name.
        since: Of a partition: all changes up to this version had been taken in before. None else.
    """

    table: str
    version: int
    what: What
    rows: int | None = None
    values: Mapping[str, str | None] = field(default_factory=dict)
    since: int | None = None

    @property
    def identity(self) -> str:
        """The text for the ledger."""
        fields = {name: one for name, one in asdict(self).items() if one is not None}
        values = json.dumps(dict(sorted(self.values.items())), ensure_ascii=False)
        return json.dumps(fields | {"values": values}, ensure_ascii=False)

    @classmethod
    def of(cls, identity: str) -> Piece:
        """The file that `identity` tells of."""
        fields = json.loads(identity)  # row objects allowed: one a file
        values = json.loads(fields["values"])  # row objects allowed: one a file
        return cls(**fields | {"values": values})


def pieces_of(identities: Iterable[str]) -> list[Piece]:
    """One for each identity."""
    return [Piece.of(one) for one in identities]


def partition_key(values: Mapping[str, str | None]) -> str:
    """What tells a partition from others, as identities have it."""
    return json.dumps(dict(sorted(values.items())), ensure_ascii=False)


def parsed(identities: pl.Series) -> pl.DataFrame:
    """What identities tell: columns table, version, what, since and values, which is a `partition_key`."""
    dtype = pl.Struct(
        {"table": pl.String, "version": pl.Int64, "what": pl.String, "since": pl.Int64, "values": pl.String}
    )
    return identities.str.json_decode(dtype).struct.unnest()

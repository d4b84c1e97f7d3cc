"""What a merge goes by, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Self

from config.table import Table
from storage.layout.file_layout import FileLayout
from storage.layout.partitions import PartitionValues

Mode = Literal["upsert", "insert_new", "replace"]

ARRIVAL: Final = "__arrival__"
"""The order in which rows came, from 0: kept beside staged files where these are sorted."""
_KEY_BYTES: Final = 128
"""Memory that the key of a row takes, about, while it is compared."""


@dataclass(frozen=True, slots=True)
class MergeRule:
    """How rows are told apart, and which of them wins.

    Attributes:
        key: Columns or dotted paths, none of them null in any staged row; the partition columns among them.
        order_by: Of `upsert`: the greater one wins, null being the least.
        layout: Of files that are written again; where it sorts, staged files have `ARRIVAL` beside them.
        memory_bytes: For keys, and once more for rows that are written again.
        prefix: What the names of files begin with.
        clears: Of `replace`: partitions that are replaced whether any row came for them or not.
    """

    mode: Mode
    key: tuple[str, ...]
    order_by: tuple[str, ...]
    partition_by: tuple[str, ...]
    layout: FileLayout
    memory_bytes: int
    prefix: str = "merged"
    clears: tuple[PartitionValues, ...] = ()

    @classmethod
    def of(
        cls, table: Table, memory_bytes: int, prefix: str, clears: tuple[PartitionValues, ...] = ()
    ) -> Self:
        """What a pipeline asks for; its mode is not `append`."""
        assert table.mode != "append"
        layout = FileLayout.of(table)
        names = table.key, table.order_by, table.partition_by
        return cls(table.mode, *names, layout, memory_bytes, prefix, clears)

    @property
    def keys_in_files(self) -> tuple[str, ...]:
        """The key less what is the same in all rows of a partition."""
        return tuple(path for path in self.key if path not in self.partition_by)

    @property
    def orders_in_files(self) -> tuple[str, ...]:
        """`order_by`, likewise."""
        return tuple(path for path in self.order_by if path not in self.partition_by)

    @property
    def is_sorted(self) -> bool:
        """Whether rows of a staged file have lost the order in which they came."""
        return bool(self.layout.sort_by or self.layout.z_order_by)

    @property
    def rows_at_once(self) -> int:
        """Keys of the batch that are held together."""
        return max(1, self.memory_bytes // _KEY_BYTES)


@dataclass(frozen=True, slots=True)
class MergeCounts:
    """What became of the staged rows, and of rows of the table.

    `staged = inserted + updated + superseded + older + existing`, and the table has
    `inserted + updated - replaced` rows more than before.

    Attributes:
        inserted: Rows with a key that the table had not; with `replace` all of them.
        updated: Rows that took the place of one in the table, or of several with their key.
        superseded: Rows that lost to another one of the batch.
        older: Rows that lost to a newer one in the table.
        existing: Rows whose key the table had, where the first one wins.
        replaced: Rows of the table that are there no more.
    """

    inserted: int = 0
    updated: int = 0
    superseded: int = 0
    older: int = 0
    existing: int = 0
    replaced: int = 0

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Self:
        """What `as_metadata` gave."""
        return cls(**{one.name: int(metadata[one.name]) for one in fields(cls)})

    @property
    def written(self) -> int:
        """Rows of the batch that the table holds now."""
        return self.inserted + self.updated

    @property
    def left_out(self) -> int:
        """Rows of the batch that it does not hold."""
        return self.superseded + self.older + self.existing

    def as_metadata(self) -> dict[str, int]:
        """JSON values for the commit."""
        return asdict(self)

    def __add__(self, other: MergeCounts) -> MergeCounts:
        """Both together."""
        mine, theirs = asdict(self), asdict(other)
        return MergeCounts(**{name: mine[name] + theirs[name] for name in mine})

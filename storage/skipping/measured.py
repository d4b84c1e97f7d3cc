"""What a query skipped, by which means, and what it really fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from storage.skipping.plan import Chosen, Opened
from storage.skipping.predicate import Path
from storage.skipping.row_groups import spans
from storage.skipping.store import Fetched


@dataclass(slots=True)
class Measured:
    """Counts of one query; empty before it has run, and added to by each run.

    Attributes:
        fetched: What the store was asked for, footers included.
        partitions: Of the table: each combination of partition values that has files; 1 without any.
        partitions_skipped: Those without a file that may match by their values.
        files: Of the table.
        files_by_partition: Skipped, as the values of their partition exclude a match.
        files_by_statistics: Skipped, as their bounds in the log do.
        files_by_row_groups: Opened, and nothing read but the footer.
        row_groups: Of the files that were opened; of the others nobody knows.
        row_groups_by_statistics: Skipped, as their bounds in the footer exclude a match.
        bytes: Of all files, as stored; the others as `files_…` and `row_groups_…`.
        bytes_of_columns: In the row groups that were read, of columns that nobody asked for.
    """

    fetched: Fetched = field(default_factory=Fetched)
    partitions: int = 0
    partitions_skipped: int = 0
    files: int = 0
    files_by_partition: int = 0
    files_by_statistics: int = 0
    files_by_row_groups: int = 0
    row_groups: int = 0
    row_groups_by_statistics: int = 0
    bytes: int = 0
    bytes_by_partition: int = 0
    bytes_by_statistics: int = 0
    bytes_by_row_groups: int = 0
    bytes_of_columns: int = 0

    def chose(self, files: pl.DataFrame, chosen: Chosen) -> None:
        """Takes in what the log told."""
        self.partitions += _partitions(files)
        self.partitions_skipped += _partitions(files) - _partitions(
            pl.concat([chosen.files, chosen.by_statistics])
        )
        self.files += files.height
        self.files_by_partition += chosen.by_partition.height
        self.files_by_statistics += chosen.by_statistics.height
        self.bytes += int(files["size"].sum())
        self.bytes_by_partition += int(chosen.by_partition["size"].sum())
        self.bytes_by_statistics += int(chosen.by_statistics["size"].sum())

    def opened(self, opened: Opened, columns: Iterable[Path]) -> None:
        """Takes in what the footers of some files told."""
        asked = set(columns)
        for fragment, groups in zip(opened.fragments, opened.groups, strict=True):
            footer, chosen = fragment.metadata, set(groups)
            wanted = _positions(fragment.physical_schema, asked)
            self.files_by_row_groups += not chosen
            self.row_groups += footer.num_row_groups
            self.row_groups_by_statistics += footer.num_row_groups - len(chosen)
            for number in range(footer.num_row_groups):
                sizes = _chunk_sizes(footer.row_group(number))
                if number in chosen:
                    self.bytes_of_columns += sum(
                        size for position, size in enumerate(sizes) if position not in wanted
                    )
                else:
                    self.bytes_by_row_groups += sum(sizes)

    def as_dict(self) -> dict[str, Any]:
        """As `penstock scan --explain --json` prints it."""
        skipped = self.files_by_partition + self.files_by_statistics + self.files_by_row_groups
        return {
            "partitions": {
                "total": self.partitions,
                "skipped": self.partitions_skipped,
                "read": self.partitions - self.partitions_skipped,
            },
            "files": {
                "total": self.files,
                "skipped_by_partition": self.files_by_partition,
                "skipped_by_file_statistics": self.files_by_statistics,
                "skipped_by_row_group_statistics": self.files_by_row_groups,
                "read": self.files - skipped,
            },
            "row_groups": {
                "opened": self.row_groups,
                "skipped_by_row_group_statistics": self.row_groups_by_statistics,
                "read": self.row_groups - self.row_groups_by_statistics,
            },
            "bytes": {
                "total": self.bytes,
                "skipped_by_partition": self.bytes_by_partition,
                "skipped_by_file_statistics": self.bytes_by_statistics,
                "skipped_by_row_group_statistics": self.bytes_by_row_groups,
                "skipped_columns": self.bytes_of_columns,
                "read": self.fetched.bytes,
            },
            "requests": self.fetched.requests,
        }


def data_bytes(opened: Opened) -> tuple[int, int]:
    """Bytes of the row groups that may hold matches, and of all; all columns of them, as stored."""
    needed = total = 0
    for fragment, groups in zip(opened.fragments, opened.groups, strict=True):
        sizes = [
            sum(_chunk_sizes(fragment.metadata.row_group(number)))
            for number in range(fragment.metadata.num_row_groups)
        ]
        needed += sum(sizes[number] for number in groups)
        total += sum(sizes)
    return needed, total


def _chunk_sizes(group: Any) -> list[int]:
    return [group.column(position).total_compressed_size for position in range(group.num_columns)]


def _positions(schema: Any, asked: set[Path]) -> set[int]:
    known = spans(schema)
    return {position for path in asked for position in known.get(path, ())}


def _partitions(files: pl.DataFrame) -> int:
    if "partition" not in files.columns:
        return min(1, files.height)
    return files["partition"].n_unique()

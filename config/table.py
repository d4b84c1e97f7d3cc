"""Where the rows of a pipeline go, how they get there, and how they are laid out and looked after."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from config.errors import InvalidValueError
from config.findings import Finding
from config.model import Spec, invalid
from config.schedule import Duration, Schedule
from config.share import Share
from config.source import Bytes, Uri
from config.units import format_bytes

MIB: Final = 2**20
_SMALLEST_FILE: Final = 64 * 1024

Text = Annotated[str, Field(min_length=1)]
Names = tuple[Text, ...]


MOST_Z_COLUMNS: Final = 8
"""With eight, a file of 256 row groups is cut once by each; with more, not even that."""


class Layout(Spec):
    """How the files of a table are written, so that readers can skip what they do not need.

    Attributes:
        file_size: Of a file as stored, about: what compaction makes of small ones. Batches write no larger
            ones, and smaller ones where they hold less for a partition, or memory does.
        row_group_rows: Rows of a row group, about: the unit that readers skip by.
        z_order_by: Up to eight columns or dotted paths whose bits are interleaved to the order within a file,
            in place of `sort_by`: each of them narrows what a reader must look at, none as well as the first
            of a sort.
        bloom: Columns or dotted paths of text, binary, integers, decimals, dates or timestamps that get Bloom
            filters, by which readers skip row groups that do not hold a value.
        statistics: Columns or dotted paths that get minimum and maximum, with all fields of their structs;
            `all` leaves unless named.
    """

    file_size: Bytes = 128 * MIB
    row_group_rows: Annotated[int, Field(ge=1024, le=2**24, strict=True)] = 65_536
    z_order_by: Annotated[Names, Field(max_length=MOST_Z_COLUMNS)] = ()
    bloom: Names = ()
    statistics: Literal["all"] | Annotated[Names, Field(min_length=1)] = "all"

    @model_validator(mode="after")
    def _fits_a_file(self) -> Layout:
        if self.file_size >= _SMALLEST_FILE:
            return self
        problem = InvalidValueError(
            "too small for a file",
            got=format_bytes(self.file_size),
            expected="64 KiB or more, such as 128 MiB",
        )
        raise invalid([(("file_size",), problem)], "layout")


class Upkeep(Spec):
    """When `penstock maintain` does what.

    Attributes:
        schedule: When the deployment of the flow `maintain` looks after this table; None for never by itself.
        min_files: Small files of a partition that are worth being made one.
        settled: How long nothing must have been written to a partition before its files are compacted; where
            there are no partitions, each file settles by itself.
        keep: How long files that left the table stay, for readers of older versions.
    """

    schedule: Schedule | None = None
    min_files: Annotated[int, Field(ge=2, strict=True)] = 8
    settled: Duration = timedelta(hours=1)
    keep: Duration = timedelta(days=7)


class Table(Spec):
    """Where the rows go, how they get there, and how they are laid out.

    Attributes:
        uri: The folder of the Delta table; created by the first batch.
        mode: What a batch does to the table: its rows are added; or take the place of those with their key
            (`upsert`); or are added unless their key is there (`insert_new`); or take the place of all rows
            of their partitions (`replace`).
        key: What tells one row from another. With `append` and `replace` required columns of the contract, or
            dotted paths: of several records with one key in a batch the first is kept. With `upsert` and
            `insert_new` columns of the table, the partition columns among them.
        order_by: With `upsert`, columns of the table that tell which of two rows with one key is the newer
            one: the greater. Without, and where they are equal, the one that came later.
        partition_by: Top-level columns; a folder for each of their values.
        sort_by: Columns or dotted paths; the order within each file, ascending.
        layout: See there.
        upkeep: See there.
    """

    uri: Uri
    mode: Literal["append", "upsert", "insert_new", "replace"] = "append"
    key: Names = ()
    order_by: Names = ()
    partition_by: Names = ()
    sort_by: Names = ()
    layout: Layout = Layout()
    upkeep: Upkeep = Upkeep()

    @property
    def merges(self) -> bool:
        """Whether rows are held against those of the table by their key."""
        return self.mode in ("upsert", "insert_new")

    @property
    def distinct_by(self) -> Names:
        """What tells the records of a batch apart, before the transforms; nothing where rows merge."""
        return () if self.merges else self.key

    @model_validator(mode="after")
    def _fits_together(self) -> Table:
        findings: list[Finding] = []
        if self.merges and not self.key:
            findings.append(
                (("mode",), InvalidValueError(f"{self.mode} without a key", expected="table.key"))
            )
        if self.order_by and self.mode != "upsert":
            findings.append(
                (
                    ("order_by",),
                    InvalidValueError("not for this mode", got=self.mode, expected="mode: upsert"),
                )
            )
        if self.merges and self.key:
            findings += [
                (
                    ("partition_by", position),
                    InvalidValueError(
                        "a partition column that is not part of the key",
                        got=repr(name),
                        expected="a key whose rows all lie in one partition",
                        next_step=f"add {name} to table.key, where it never changes for one key; "
                        "or do not partition by it",
                    ),
                )
                for position, name in enumerate(self.partition_by)
                if name not in self.key
            ]
        if self.sort_by and self.layout.z_order_by:
            findings.append(
                (
                    ("layout", "z_order_by"),
                    InvalidValueError("two orders", got="sort_by and z_order_by", expected="one of the two"),
                )
            )
        if findings:
            raise invalid(findings, "table")
        return self


class Reader(Spec):
    """What readers of the table were promised: how little a query must read.

    Attributes:
        where: A condition over the columns of the table, in SQL; each `?` stands for values that are there.
        at_most: The share of the table's bytes that such a query reads, at most.
    """

    where: Text
    at_most: Share

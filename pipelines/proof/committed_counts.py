"""The counts that a commit carries, read back as what they were written as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.formats import Compression, Format
from config.source import Csv, Source

Count = Annotated[int, Field(ge=0, strict=True)]


class _Counts(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore")


class CommittedFiles(_Counts):
    """For each file, in the order of the ledger; `unmet` is for the batch as a whole.

    numbers: of a batch that replays, the sum of the numbers of the records that it took in; else empty.
    """

    read: list[Count]
    quarantined: list[Count]
    dropped: list[Count]
    duplicates: list[Count]
    unmet: Mapping[str, Count]
    numbers: list[Count] = []


class ReadAs(_Counts):
    """How the files of a batch were read: what `Source.read_as` gave, which may have changed since."""

    format: Format | None
    compression: Literal["auto", Compression]
    csv: Csv


class CommittedMerge(_Counts):
    """What a merge made of the rows: `storage.tables.merging.rule.MergeCounts`, and the mode."""

    mode: Literal["upsert", "insert_new", "replace"]
    inserted: Count
    updated: Count
    superseded: Count
    older: Count
    existing: Count
    replaced: Count

    @property
    def written(self) -> int:
        """Rows of the batch that the table held after it."""
        return self.inserted + self.updated

    @property
    def left_out(self) -> int:
        """Rows of the batch that lost to others."""
        return self.superseded + self.older + self.existing

    @property
    def staged(self) -> int:
        """All rows of the batch that the table could have taken."""
        return self.written + self.left_out

    @property
    def growth(self) -> int:
        """By how many rows the table grew."""
        return self.written - self.replaced


class CommittedCounts(_Counts):
    """What `WrittenBatch.as_metadata` wrote; anything else raises `pydantic.ValidationError`.

    steps: the rows into the first step as `accepted`, then those behind each step.
    read_as: None where an earlier version of Penstock wrote the commit.
    merge: None where rows were only added.
    rebuilds: Of a rebuild, the newest batch that it stands for; `rows_removed`, the rows that it took out.
    """

    files: CommittedFiles
    steps: Mapping[str, Count]
    unstorable: Count
    rows: Count
    bytes_read: Count
    read_as: ReadAs | None = None
    merge: CommittedMerge | None = None
    rebuilds: Count | None = None
    rows_removed: Count | None = None

    @classmethod
    def of(cls, metadata: Any) -> CommittedCounts:
        """The counts in the metadata of a commit."""
        return cls.model_validate(metadata)

    def by_file(self) -> dict[str, list[int]]:
        """The counts that there is one of for each file, by name."""
        files = self.files
        return {
            "read": files.read,
            "quarantined": files.quarantined,
            "dropped": files.dropped,
            "duplicates": files.duplicates,
        }

    def as_read(self, source: Source) -> Source:
        """`source`, read as it was for this batch."""
        return source if self.read_as is None else source.model_copy(update=dict(self.read_as))

    def accepted(self) -> int:
        """Records of all files that nothing else became of: the rows into the first step."""
        read, *others = (sum(values) for values in self.by_file().values())
        return read - sum(others)

"""A group of files into files of rows, and the groups of a batch into a batch that can be committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.batch.writing import check_conserved, prepared, write_once
from pipelines.evolution import output_schema
from pipelines.groups.job import Job, Limits, spec_of
from pipelines.groups.part import Part
from pipelines.groups.split import SMALLEST_BYTES, split
from pipelines.growth import Growth
from pipelines.modes import arrival_of
from pipelines.tally import FileCounts
from pipelines.written_batch import Fate, PlannedBatch, WrittenBatch
from storage.layout.partition_files import beside
from storage.layout.uploads import remove_files
from storage.layout.written_files import check_written
from storage.tables.delta import open_table_at
from storage.tables.quarantine.records import quarantine_uri

_ROWS_OF_A_GROUP: Final = 2**40
"""More than a group can have: rows of later groups arrive later, however many there are of earlier ones."""


class Grouped:
    """A batch that is written in groups.

    Checks what `write_batch` checks before it, and raises the same errors.

    Attributes:
        jobs: In the order of the files; the same for the same arguments.

    Args:
        most: Groups, at most.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        planned: PlannedBatch,
        settings: Settings,
        *,
        most: int,
        smallest_bytes: int = SMALLEST_BYTES,
    ) -> None:
        self._growth = prepared(pipeline, planned)
        self._planned = planned
        self._settings = settings
        spec, limits = spec_of(self._growth.pipeline), Limits.of(settings)
        version = planned.table.version() if self._watches() else None
        groups = split(planned.files, most, smallest_bytes)
        self.jobs = [
            Job(spec, planned.number, number, files, limits, version) for number, files in enumerate(groups)
        ]

    def joined(self, parts: Sequence[Part]) -> WrittenBatch | None:
        """The batch, of one part for each job, in their order; None where it must be written as a whole.

        That is where records have fields that may become columns; the files of the parts are removed then,
        and also where an error is raised.

        Raises:
            NotConservedError: The counts do not add up.
            TableError: A file that was told of is not there.
        """
        try:
            written = None if any(part.grows for part in parts) else self._whole(parts)
        except BaseException:
            self.forget(parts)
            raise
        if written is None:
            self.forget(parts)
        return written

    def forget(self, parts: Iterable[Part]) -> None:
        """Removes the files of parts that nobody commits; those that cannot be reached are left to vacuum."""
        pipeline, some = self._growth.pipeline, list(parts)
        paths = [file.path for part in some for file in part.files]
        if arrival_of(pipeline):
            paths += [beside(path) for path in paths]
        remove_files(pipeline.table.uri, paths)
        remove_files(
            quarantine_uri(pipeline.table.uri), [file.path for part in some for file in part.refused]
        )

    def _watches(self) -> bool:
        pipeline = self._growth.pipeline
        return pipeline.contract.on_new_column == "add" and self._planned.table is not None

    def _whole(self, parts: Sequence[Part]) -> WrittenBatch:
        pipeline = self._growth.pipeline
        written = WrittenBatch(
            planned=self._planned,
            files=tuple(chain.from_iterable(part.files for part in parts)),
            refused=tuple(chain.from_iterable(part.refused for part in parts)),
            schema=output_schema(pipeline),
            counts=_counts([part.counts for part in parts]),
            marks=self._growth.marks,
            steps=_sums(part.steps for part in parts),
            unstorable=sum(part.unstorable for part in parts),
            replayed=None,
            reasons=_sums(part.reasons for part in parts),
            read_as=pipeline.source.read_as(),
            fate=Fate(self._settings.memory_bytes),
        )
        check_conserved(written)
        check_written(pipeline.table.uri, written.files)
        check_written(quarantine_uri(pipeline.table.uri), written.refused)
        return written


def write_group(job: Job, settings: Settings) -> Part:
    """Writes the rows and the refused records of a group, as files that no commit knows yet.

    May be called any number of times for one job, by whomever: each call writes files of its own.

    Args:
        settings: Of this process; what decides over records comes with the job.

    Raises:
        PenstockError: As of `write_batch`; then nothing is left.
    """
    pipeline = job.pipeline
    table = None if job.table_version is None else open_table_at(pipeline.table.uri, job.table_version)
    growth = Growth(pipeline, table, commits=False)
    group = PlannedBatch(job.batch, job.files, None)
    first_row = job.group * _ROWS_OF_A_GROUP
    return Part.of(write_once(growth, group, job.limits.within(settings), first_row=first_row))


def _counts(some: Sequence[FileCounts]) -> FileCounts:
    return FileCounts(
        read=tuple(chain.from_iterable(one.read for one in some)),
        quarantined=tuple(chain.from_iterable(one.quarantined for one in some)),
        dropped=tuple(chain.from_iterable(one.dropped for one in some)),
        duplicates=tuple(chain.from_iterable(one.duplicates for one in some)),
        unmet=_sums(one.unmet for one in some),
    )


def _sums(some: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Names in the order in which they come first; those that count nothing among them."""
    sums: dict[str, int] = {}
    for one in some:
        for name, count in one.items():
            sums[name] = sums.get(name, 0) + count
    return sums

"""The files of a rebuild: what the batches before it took in, written anew under today's specification.

Where it matters which records came in one batch, as it does for keys of `append`, for transforms that look
beyond a row, and for `replace`, the files are written by the batches that took them in first, each as if it
came alone; else all in one pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.backfill.rebuilt_commit import give_up_rebuild
from pipelines.batch.writing import write_once
from pipelines.errors import BackfillError
from pipelines.evolution import output_schema
from pipelines.groups.reach import whole_because
from pipelines.growth import Growth
from pipelines.modes import arrival_of, check_mode
from pipelines.progress import Progress
from pipelines.tally import FileCounts
from pipelines.written_batch import Fate, PlannedBatch, WrittenBatch
from storage.errors import FileChangedError, FileVanishedError, StorageError
from storage.layout.data_file import DataFile
from storage.layout.partition_files import beside
from storage.layout.table_schema import check_partition_columns
from storage.layout.uploads import remove_files
from storage.tables.ledger.planned import planned_files, standing_batches
from storage.tables.quarantine.commit import QuarantineWriter
from storage.tables.quarantine.records import quarantine_uri
from storage.upstream import translated


def write_rebuild(
    pipeline: Pipeline, planned: PlannedBatch, settings: Settings, progress: Progress | None = None
) -> WrittenBatch:
    """Writes all files of a rebuild, which no reader sees yet; arguments and errors as of `write_batch`.

    The table is left as it is: it gets other columns together with the rows.

    Raises:
        BackfillError: A landed file has gone or changed. The rebuild is given up, and the table as it was.
    """
    growth = Growth(pipeline, planned.table, commits=False)
    check_partition_columns(output_schema(growth.pipeline), pipeline.table.partition_by)
    check_mode(growth.pipeline, None)
    parts = _Parts(growth, planned, settings)
    try:
        for files in _batches(pipeline, planned.files):
            parts.write(files, progress)
        return parts.whole(_marked(pipeline, planned))
    except (FileVanishedError, FileChangedError) as error:
        parts.forget()
        give_up_rebuild(pipeline, planned)
        raise _given_up(error) from error
    except BaseException:
        parts.forget()
        raise


def _given_up(error: StorageError) -> BackfillError:
    """No batch may wait for a file that is gone: the table has its rows, and goes on having them."""
    return BackfillError(
        f"the rebuild is given up: {error.what}",
        where=error.where,
        got=error.got,
        expected="landed files that stay as they are until the rebuild is committed",
        next_step="put the file back as it was, and rebuild again",
    )


def _batches(pipeline: Pipeline, files: pl.DataFrame) -> list[pl.DataFrame]:
    """The files in their order, cut by the batch that took them in where it matters."""
    if pipeline.table.mode != "replace" and not whole_because(pipeline):
        return [files]
    return files.partition_by("rebuilds", maintain_order=True)


def _marked(pipeline: Pipeline, planned: PlannedBatch) -> list[DataFile]:
    """Files for the quarantine that close what the batches before had left open there."""
    uri, name = pipeline.table.uri, pipeline.name
    with translated("read the ledger", uri):
        ledger = planned_files(uri, name).select("batch", "undoes", "rebuilds").collect()
    with QuarantineWriter(uri, name, planned.number) as writer:
        for batch in standing_batches(ledger, planned.number):
            writer.undo(batch)
        return writer.finish()


@dataclass
class _Parts:
    """The passes over a rebuild so far.

    Attributes:
        superseded: Rows of files that were written and gave way to those of later batches (`replace`).
    """

    growth: Growth
    planned: PlannedBatch
    settings: Settings
    done: list[WrittenBatch] = field(default_factory=list)
    files: list[DataFile] = field(default_factory=list)
    superseded: int = 0

    def write(self, files: pl.DataFrame, progress: Progress | None) -> None:
        """One pass, and another where it brought columns."""
        part = replace(self.planned, files=files)
        first_row = sum(one.row_count() for one in self.done)
        written = None
        while written is None:
            written = write_once(self.growth, part, self.settings, progress, first_row=first_row)
            progress = None
        self.done.append(written)
        if self.growth.pipeline.table.mode == "replace":
            self._supersede(written.files)
        self.files += written.files

    def _supersede(self, files: Iterable[DataFile]) -> None:
        """Takes out what lies in the partitions of `files`."""
        touched = {_partition(one) for one in files}
        gone = [one for one in self.files if _partition(one) in touched]
        self.superseded += sum(one.rows for one in gone)
        remove_files(self.growth.pipeline.table.uri, [one.path for one in gone])
        self.files = [one for one in self.files if _partition(one) not in touched]

    def whole(self, markers: list[DataFile]) -> WrittenBatch:
        """All passes as one batch."""
        last = self.done[-1]
        return replace(
            last,
            planned=self.planned,
            files=tuple(self.files),
            refused=(*self._refused(), *markers),
            counts=_counts([one.counts for one in self.done]),
            steps=_sums(one.steps for one in self.done),
            unstorable=sum(one.unstorable for one in self.done),
            reasons=_sums(one.reasons for one in self.done),
            fate=Fate(self.settings.memory_bytes, superseded=self.superseded),
        )

    def forget(self) -> None:
        """Removes what was written."""
        pipeline = self.growth.pipeline
        paths = [one.path for one in self.files]
        if arrival_of(pipeline):
            paths += [beside(path) for path in paths]
        remove_files(pipeline.table.uri, paths)
        remove_files(quarantine_uri(pipeline.table.uri), [one.path for one in self._refused()])

    def _refused(self) -> Iterator[DataFile]:
        return chain.from_iterable(one.refused for one in self.done)


def _partition(file: DataFile) -> tuple[tuple[str, str | None], ...]:
    return tuple(sorted(file.partition_values.items()))


def _counts(some: list[FileCounts]) -> FileCounts:
    return FileCounts(
        read=tuple(chain.from_iterable(one.read for one in some)),
        quarantined=tuple(chain.from_iterable(one.quarantined for one in some)),
        dropped=tuple(chain.from_iterable(one.dropped for one in some)),
        duplicates=tuple(chain.from_iterable(one.duplicates for one in some)),
        unmet=_sums(one.unmet for one in some),
    )


def _sums(some: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums = Counter[str]()
    for one in some:
        for name, number in one.items():
            sums[name] += number
    return dict(sums)

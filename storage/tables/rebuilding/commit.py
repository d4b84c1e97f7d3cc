"""The commit that puts the rows of a rebuild in the place of all that its application wrote before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deltalake import DeltaTable

from storage.errors import (
    ConcurrentRunError,
    IrreversibleError,
    StaleReadError,
    TableError,
    UnavailableError,
)
from storage.layout.data_file import DataFile
from storage.layout.table_schema import check_partition_columns
from storage.layout.uploads import remove_files
from storage.tables.attempt import Attempt, found_in
from storage.tables.delta import METADATA_KEY, open_table, remove_unused
from storage.tables.merging.commit import MERGE_KEY, remove_asides
from storage.tables.merging.merge import Merge, merged_alone
from storage.tables.merging.rule import MergeCounts, MergeRule
from storage.tables.rebuilding.owners import OwnersOf
from storage.tables.rebuilding.replaced import Replaced, replaced_by
from storage.tables.rebuilding.shape import shape_of, stored_schema, with_features
from storage.tables.replacing.replacement import Replacement, Shape, commit_replacement, read_actions
from storage.tables.schema.appendable import check_appendable, nulls_in
from storage.tables.schema.evolution import evolved
from storage.tables.schema.statistics_columns import unbounded_in

_log = logging.getLogger(__name__)

REBUILDS_KEY: Final = "rebuilds"
"""What the metadata of a commit has the newest of the batches under that it stands for."""
_RACES: Final = 20
"""Times that others may change the table while it is swapped."""


@dataclass(frozen=True, slots=True)
class RebuildCommit:
    """What became of a rebuild.

    Attributes:
        version: The one that holds it.
        counts: What became of the staged rows; None with `append`.
        rows_removed: Of the files that gave way.
    """

    version: int
    counts: MergeCounts | None
    rows_removed: int


@dataclass(frozen=True)
class Rebuild:
    """What is to be committed.

    Attributes:
        one: The files that were written, and whose they are.
        rule: How rows with one key are settled; None with `append`.
        superseded: Rows that were written and gave way to later ones before.
        metadata: Gives JSON values, when all is ready.
    """

    one: Attempt
    rule: MergeRule | None
    superseded: int
    metadata: Callable[[], Mapping[str, Any]]


def commit_rebuild(rebuild: Rebuild, before: int) -> RebuildCommit:
    """Takes all files of the application out of the table, and puts the new ones in: once, in one commit.

    Columns, partitions and properties become those of the new files where nobody else has rows in the table;
    else it evolves first, as for other batches. Safe to call again.

    Args:
        rebuild: Which one.
        before: The version whose successors may hold commits of another run, or this very one.

    Raises:
        IrreversibleError: Final. Rows of others would be lost, or what others did to these rows.
        ConcurrentRunError, TableSchemaError, UnavailableError, StorageError: As of `commits.commit_batch`.
    """
    return _Committing(rebuild, before).commit()


class _Committing:
    """One call of `commit_rebuild`."""

    def __init__(self, rebuild: Rebuild, before: int) -> None:
        self._rebuild, self._one, self._before = rebuild, rebuild.one, before
        self._owners = OwnersOf(self._one.uri)
        self._merge: Merge | None = None

    def commit(self) -> RebuildCommit:
        one = self._one
        check_partition_columns(one.schema, one.partition_by)
        try:
            for _ in range(_RACES):
                table = open_table(one.uri)
                assert table is not None, "a rebuild has batches before it"
                if (found := found_in(one, table, self._before)) is not None:
                    return self._settled(found.version)
                if (done := self._attempt(table)) is not None:
                    return done
        except (ConcurrentRunError, IrreversibleError, TableError):
            self._forget_merged()  # after other errors nobody knows whether a commit has taken them
            raise
        self._forget_merged()
        raise UnavailableError(
            "other writers changed the table again and again, while it was to be swapped",
            where=one.uri,
            got=f"{_RACES} attempts",
            next_step="run again, while fewer others write to it",
        )

    def _attempt(self, table: DeltaTable) -> RebuildCommit | None:
        """None where others were faster."""
        replaced = replaced_by(self._owners, table, self._one.app_id, keeps_others=self._rebuild.rule is None)
        files = self._files()
        shape = None
        if not replaced.others:
            shape = shape_of(table, self._one.schema, self._one.partition_by, self._one.marks, files)
        seen = table.version()
        if shape is None:
            table = self._fit(table, files)
        else:
            with_features(table, shape)
        if table.version() != seen:
            return None  # others may have come in between: look again
        try:
            version = commit_replacement(self._one.uri, table, self._replacement(replaced, files, shape))
        except StaleReadError as error:
            _log.info("swapping the rows of %s again: %s", self._one.app_id, error)
            return None
        self._clean_up(files)
        return RebuildCommit(version, self._counts(replaced), replaced.rows)

    def _fit(self, table: DeltaTable, files: Sequence[DataFile]) -> DeltaTable:
        """The table with the columns that the rows ask for, beside those of others."""
        one = self._one
        check_appendable(table, one.partition_by)
        nulls, unbounded = nulls_in(table, files), unbounded_in(one.schema, files)
        return evolved(one.uri, table, one.schema, marks=one.marks, nulls=nulls, unbounded=unbounded)

    def _files(self) -> Sequence[DataFile]:
        """All that the table gets; where rows have keys, each key once."""
        rule = self._rebuild.rule
        if rule is None or rule.mode == "replace":
            return self._one.files
        if self._merge is None:
            schema = stored_schema(self._one.schema)
            self._merge = merged_alone(self._one.uri, schema, self._one.files, rule)
        return self._merge.adds

    def _counts(self, replaced: Replaced) -> MergeCounts | None:
        if self._rebuild.rule is None:
            return None
        counts = MergeCounts(superseded=self._rebuild.superseded, replaced=replaced.rows)
        if self._merge is not None:
            return counts + self._merge.counts
        return counts + MergeCounts(inserted=sum(file.rows for file in self._one.files))

    def _replacement(self, replaced: Replaced, files: Sequence[DataFile], shape: Shape | None) -> Replacement:
        one, counts, rule = self._one, self._counts(replaced), self._rebuild.rule
        metadata = {
            **self._rebuild.metadata(),
            REBUILDS_KEY: one.number - 1,
            "rows_removed": replaced.rows,
        }
        if counts is not None and rule is not None:
            metadata |= {"rows": counts.written, MERGE_KEY: {"mode": rule.mode, **counts.as_metadata()}}
        return Replacement(
            removes=replaced.removes,
            adds=files,
            operation="WRITE",
            data_change=True,
            reads=frozenset() if shape is None and rule is None else "all",
            told={**one.told, "metadata": metadata},
            transactions={one.app_id: one.number},
            shape=shape,
        )

    def _settled(self, version: int) -> RebuildCommit:
        """A commit of before, whose answer got lost."""
        _log.warning("batch %d had been committed to %s already", self._one.number, self._one.uri)
        for action in read_actions(self._one.uri, version):
            if told := action.get("commitInfo", {}).get(METADATA_KEY):
                metadata = told["metadata"]
                counts = MergeCounts.of(metadata[MERGE_KEY]) if MERGE_KEY in metadata else None
                return RebuildCommit(version, counts, int(metadata["rows_removed"]))
        return RebuildCommit(version, None, 0)

    def _clean_up(self, files: Sequence[DataFile]) -> None:
        """Staged files that were not taken, and what lay beside them."""
        taken = {file.path for file in files}
        remove_files(self._one.uri, [file.path for file in self._one.files if file.path not in taken])
        if self._rebuild.rule is not None:
            remove_asides(self._one.uri, self._one.files, self._rebuild.rule)

    def _forget_merged(self) -> None:
        """Removes what was written again, where no commit took it."""
        if self._merge is not None:
            written = set(self._merge.written)
            remove_unused(self._one.uri, [file for file in self._merge.adds if file.path in written])

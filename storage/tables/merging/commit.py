"""The commit of a batch that is merged into its table: once, whatever others commit meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from deltalake import DeltaTable

from storage.errors import StaleReadError, UnavailableError
from storage.layout.data_file import DataFile
from storage.layout.partition_files import beside
from storage.layout.table_schema import check_partition_columns
from storage.layout.uploads import remove_files
from storage.tables.attempt import Attempt, Commit, found_in
from storage.tables.commits import take_over
from storage.tables.delta import METADATA_KEY, last_batch, open_table, remove_unused
from storage.tables.merging.merge import Merge, merged
from storage.tables.merging.mergeable import check_mergeable
from storage.tables.merging.rule import MergeCounts, MergeRule
from storage.tables.replacing.replacement import Replacement, commit_replacement, read_actions
from storage.tables.schema.appendable import nulls_in
from storage.tables.schema.evolution import evolved
from storage.tables.schema.statistics_columns import unbounded_in

_log = logging.getLogger(__name__)

MERGE_KEY: Final = "merge"
"""What the metadata of a commit has the counts of a merge under."""
_RACES: Final = 20
"""Times that others may change the same partitions while a batch is merged."""


@dataclass(frozen=True, slots=True)
class MergeCommit:
    """What became of a batch.

    Attributes:
        version: As of `Commit`.
        counts: None where the batch was there before, and another attempt had committed it.
    """

    version: int
    counts: MergeCounts | None


def commit_merge(
    uri: str,
    table: DeltaTable | None,
    rule: MergeRule,
    *,
    app_id: str,
    batch: int,
    staged: Sequence[DataFile],
    schema: pl.Schema,
    metadata: Callable[[], Mapping[str, Any]] = dict,
    marks: Mapping[str, str] | None = None,
    attempt: str = "",
) -> MergeCommit:
    """Merges `staged` files into the table, once, whatever happens: one atomic commit, safe to call again.

    Where there is no table, an empty one is made first; where it lacks columns, it evolves first; else as
    `commits.commit_batch`. Staged files that the commit does not take are removed after it.

    Args:
        table: What `open_table` gave *before* the batch number was decided.
        metadata: Gives JSON values, when the rows are merged; the commit has the counts beside them, under
            `merge`.

    Raises:
        ConcurrentRunError, TableSchemaError, UnavailableError, StorageError: As of `commits.commit_batch`.
    """
    partition_by = rule.partition_by
    check_partition_columns(schema, partition_by)
    if table is not None and last_batch(table, app_id) >= batch:
        return MergeCommit(table.version(), None)
    if table is None:
        table = take_over(
            uri,
            table,
            app_id=app_id,
            batch=batch,
            attempt=attempt,
            schema=schema,
            partition_by=partition_by,
            marks=marks,
        )
    one = Attempt(uri, app_id, batch, staged, schema, partition_by, {}, marks or {}, attempt, again=True)
    return _Committing(one, rule, table.version(), metadata).commit()


class _Committing:
    """One call of `commit_merge`.

    Args:
        before: The version whose successors may hold commits of another run, or this very one.
    """

    def __init__(
        self, one: Attempt, rule: MergeRule, before: int, metadata: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._one, self._rule, self._before, self._metadata = one, rule, before, metadata

    def commit(self) -> MergeCommit:
        for _ in range(_RACES):
            found = self._fit()
            if isinstance(found, MergeCommit):
                return found
            if (done := self._attempt(found)) is not None:
                return done
        raise UnavailableError(
            "other writers changed the same partitions of the table, again and again",
            where=self._one.uri,
            got=f"{_RACES} attempts",
            next_step="run again, while fewer others write to them",
        )

    def _fit(self) -> DeltaTable | MergeCommit:
        """The table as it is now, with room for the rows; or the commit, where it is there already."""
        one, table = self._one, open_table(self._one.uri)
        assert table is not None
        if (done := self._found(table)) is not None:
            return done
        check_mergeable(table, self._rule)
        opened = table.version()
        nulls, unbounded = nulls_in(table, one.files), unbounded_in(one.schema, one.files)
        table = evolved(one.uri, table, one.schema, marks=one.marks, nulls=nulls, unbounded=unbounded)
        done = self._found(table) if table.version() != opened else None
        return table if done is None else done

    def _found(self, table: DeltaTable) -> MergeCommit | None:
        """As `attempt.found_in`."""
        commit = found_in(self._one, table, self._before)
        return None if commit is None else self._settled(commit)

    def _settled(self, commit: Commit) -> MergeCommit:
        """A commit of before, whose answer got lost."""
        _log.warning("batch %d had been committed to %s already", self._one.number, self._one.uri)
        for action in read_actions(self._one.uri, commit.version):
            told = action.get("commitInfo", {}).get(METADATA_KEY)
            if told:
                return MergeCommit(commit.version, MergeCounts.of(told["metadata"][MERGE_KEY]))
        return MergeCommit(commit.version, None)

    def _attempt(self, table: DeltaTable) -> MergeCommit | None:
        """Merges and commits; None, and no new files are left, where others were faster."""
        one = self._one
        merge = merged(one.uri, table, one.files, self._rule)
        try:
            version = commit_replacement(one.uri, table, self._replacement(merge))
        except StaleReadError as error:
            _log.info("merging batch %d of %s again: %s", one.number, one.app_id, error)
            remove_files(one.uri, merge.written)
            return None
        self._clean_up(merge)
        return MergeCommit(version, merge.counts)

    def _replacement(self, merge: Merge) -> Replacement:
        one, counts = self._one, merge.counts
        metadata = {
            **self._metadata(),
            "rows": counts.written,
            MERGE_KEY: {"mode": self._rule.mode, **counts.as_metadata()},
        }
        return Replacement(
            removes=merge.removes,
            adds=merge.adds,
            operation="WRITE" if self._rule.mode == "replace" else "MERGE",
            data_change=True,
            reads=merge.reads,
            told={**one.told, "metadata": metadata},
            transactions={one.app_id: one.number},
        )

    def _clean_up(self, merge: Merge) -> None:
        """Staged files that were not taken, and what lay beside them."""
        taken = {file.path for file in merge.adds}
        # An earlier call, whose answer came after this one had begun, may have taken them.
        if unused := [file for file in self._one.files if file.path not in taken]:
            remove_unused(self._one.uri, unused)
        remove_asides(self._one.uri, self._one.files, self._rule)


def remove_asides(uri: str, staged: Sequence[DataFile], rule: MergeRule) -> None:
    """Removes what lies beside staged files that nobody merges any more."""
    if rule.is_sorted:
        remove_files(uri, [beside(file.path) for file in staged])

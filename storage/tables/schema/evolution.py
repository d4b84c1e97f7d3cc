"""How a table takes in rows with more columns, or wider types, than it has: in commits before theirs.

New columns, and new fields of structs, change the schema alone; old rows read as null. For wider types, and
for new fields of structs in lists, the files of the table are written again (`rewriting`): the protocol
allows narrow files only under a feature that delta-rs 1.6.3 does not know, and Polars 2.1 refuses some.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, TableFeatures
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError

from storage.errors import TableSchemaError, UnavailableError
from storage.filesystem import delta_storage_options
from storage.layout.table_schema import delta_schema
from storage.tables.schema.merged_types import Merge
from storage.tables.schema.statistics_columns import STATISTICS_COLUMNS, fewer_statistics
from storage.upstream import storage_error, translated

if TYPE_CHECKING:
    from storage.tables.schema.rewriting import Rewriting

_log = logging.getLogger(__name__)

MARK: Final = "penstock.type"
"""The key in the metadata of a column that no contract named, for the type that one would name."""
EVOLUTION_KEY: Final = "penstockEvolution"
"""The key of a commit under which an evolution says what it did; not that of batches, which it is none of."""
_ATTEMPTS: Final = 20
"""Races with other writers of the table that are lost before giving up."""
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


@dataclass(frozen=True)
class Evolution:
    """What a table lacks for some rows.

    Attributes:
        schema: What the table's becomes, as the JSON of a Delta schema.
        added: New columns and fields by dotted path, and their types in the words of Delta.
        widened: Types before and after, by dotted path.
        relaxed: Columns that may be null from then on.
        statistics: The columns that all files have statistics of (`statistics_columns`), where they are fewer
            from then on.
        rewrites: Whether the files of the table are written again.
    """

    schema: Mapping[str, Any]
    added: Mapping[str, str] = field(default_factory=dict)
    widened: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    relaxed: Sequence[str] = ()
    statistics: str | None = None
    rewrites: bool = False


def evolution_of(
    table: DeltaTable,
    schema: pl.Schema,
    *,
    marks: Mapping[str, str] | None = None,
    nulls: Sequence[str] = (),
    unbounded: Collection[str] = (),
) -> Evolution | None:
    """What `table` lacks to take in rows of `schema`; None where it lacks nothing.

    Args:
        schema: Partition columns included; the order is free. Columns that the table has and the rows lack
            are null in them.
        marks: The type that a contract would name, for columns that are to be known again by it (`MARK`).
        nulls: Columns of the table that hold, or may hold, nulls in the rows.
        unbounded: Columns that the files of the rows tell no bounds of.

    Raises:
        TableSchemaError: The table cannot become what the rows ask for; says what to do instead.
    """
    # row objects allowed: the two schemas
    theirs, ours = json.loads(table.schema().to_json()), marked_schema(schema, marks)
    merge = Merge(table.metadata().partition_columns)
    # row objects allowed: as above
    fields = merge.fields(theirs["fields"], json.loads(ours.to_json())["fields"])
    if merge.refused:
        raise _refusal(table, merge)
    relaxed = [one["name"] for one in theirs["fields"] if not one["nullable"] and one["name"] in nulls]
    grows = not merge.rewrites and len(fields) > len(theirs["fields"])
    statistics = fewer_statistics(table, schema.names(), grows=grows, unbounded=unbounded)
    if not (merge.added or merge.widened or relaxed or statistics is not None):
        return None
    if merge.rewrites:
        from storage.tables.schema.rewriting import check_rewritable  # not at the top, as in `evolved`

        check_rewritable(table, merge.widened or merge.added)
    merged = {**theirs, "fields": fields}
    return Evolution(merged, merge.added, merge.widened, relaxed, statistics, merge.rewrites)


def marked_schema(schema: pl.Schema, marks: Mapping[str, str] | None = None) -> DeltaSchema:
    """The Delta schema of rows, with the marks of its columns."""
    if not marks:
        return delta_schema(schema)
    whole = json.loads(delta_schema(schema).to_json())  # row objects allowed: the columns of a table
    for one in whole["fields"]:
        if one["name"] in marks:
            one["metadata"] = {**one["metadata"], MARK: marks[one["name"]]}
    return DeltaSchema.from_json(json.dumps(whole))


def marks_of(table: DeltaTable | None) -> dict[str, str]:
    """The columns of `table` that have a mark, in its order."""
    fields = table.schema().fields if table is not None else ()
    return {one.name: str(one.metadata[MARK]) for one in fields if MARK in (one.metadata or {})}


def evolved(
    uri: str,
    table: DeltaTable,
    schema: pl.Schema,
    *,
    marks: Mapping[str, str] | None = None,
    nulls: Sequence[str] = (),
    unbounded: Collection[str] = (),
) -> DeltaTable:
    """The table at `uri`, fit for rows of `schema`; `table` itself where nothing is to be done.

    Safe to repeat and to race: each commit is atomic, whoever loses a race looks at the table again, and a
    process that is killed leaves, at the worst, files that no reader sees. Else as `evolution_of`.

    Raises:
        TableSchemaError: Final. The table cannot become what the rows ask for.
        UnavailableError: Retryable. Other writers of the table were faster, again and again.
        StorageError: Reading or writing failed.
    """
    # Not at the top: what writes Parquet takes 0.3 s to import, which a run with nothing to do must not cost.
    from storage.tables.schema.rewriting import Rewriting

    with Rewriting(uri) as rewriting:
        for _attempt in range(_ATTEMPTS):
            evolution = evolution_of(table, schema, marks=marks, nulls=nulls, unbounded=unbounded)
            if evolution is None:
                return table
            cause = _attempted(lambda: _commit(table, evolution, rewriting))  # noqa: B023 - called at once
            table = _reopened(uri)
            if cause is None:
                _log.info("evolved %s: %s", uri, _told(evolution))
            elif not isinstance(cause, CommitFailedError):
                if evolution_of(table, schema, marks=marks, nulls=nulls, unbounded=unbounded) is None:
                    return table
                raise storage_error(cause, doing="change the columns of the table", where=uri) from cause
    raise UnavailableError(
        "other writers of the table were faster, again and again, while its columns were to be changed",
        where=uri,
        got=f"{_ATTEMPTS} attempts",
        next_step="run again, while fewer others write to the table",
    )


def _commit(table: DeltaTable, evolution: Evolution, rewriting: Rewriting) -> None:
    """One commit of an evolution, or the only one; the next look at the table tells what is left."""
    told = CommitProperties(custom_metadata={EVOLUTION_KEY: _told(evolution)})
    schema = DeltaSchema.from_json(json.dumps(evolution.schema))
    if evolution.relaxed:
        table.alter.drop_column_not_null(
            evolution.relaxed[0], commit_properties=told, post_commithook_properties=_HOOKS
        )
    elif evolution.statistics is not None:
        table.alter.set_table_properties(
            {STATISTICS_COLUMNS: evolution.statistics},
            commit_properties=told,
            post_commithook_properties=_HOOKS,
        )
    elif _needs_feature(table, evolution):
        table.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone,
            allow_protocol_versions_increase=True,
            commit_properties=told,
            post_commithook_properties=_HOOKS,
        )
    elif evolution.rewrites:
        rewriting.commit(table, schema, {EVOLUTION_KEY: _told(evolution)}, _HOOKS)
    else:
        new = {path.partition(".")[0] for path in evolution.added}
        fields = [one for one in schema.fields if one.name in new]
        table.alter.add_columns(fields, commit_properties=told, post_commithook_properties=_HOOKS)


def _needs_feature(table: DeltaTable, evolution: Evolution) -> bool:
    """Whether times without a zone are new to the table; adding columns sees to that by itself."""
    wanted = evolution.rewrites and "timestamp_ntz" in json.dumps(evolution.schema)
    return wanted and "timestampNtz" not in (table.protocol().writer_features or ())


def _attempted(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except TableSchemaError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it was, the log alone knows whether the commit happened
        return exc
    return None


def _reopened(uri: str) -> DeltaTable:
    with translated("open the table", uri):
        return DeltaTable(uri, storage_options=delta_storage_options(uri))


def _told(evolution: Evolution) -> dict[str, Any]:
    widened = {path: f"{before} -> {after}" for path, (before, after) in evolution.widened.items()}
    told = {"added": dict(evolution.added), "widened": widened, "relaxed": list(evolution.relaxed)}
    return {key: value for key, value in told.items() if value}


def _refusal(table: DeltaTable, merge: Merge) -> TableSchemaError:
    first = dict(list(merge.refused.items())[:5])
    return TableSchemaError(
        "the columns to write do not fit the table's",
        where=f"{table.table_uri}, column {', '.join(map(repr, first))}",
        got={path: one.got for path, one in first.items()},
        expected={path: one.expected for path, one in first.items()},
        next_step="; ".join(dict.fromkeys(one.next_step for one in first.values())),
    )

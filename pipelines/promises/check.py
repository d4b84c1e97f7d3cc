"""What readers of a table were promised, held against how its rows lie: `readers` of a pipeline.

Each `?` of a condition stands for values that are there: a few rows of the newest files are taken, and for
each it is told what a query with its values must read, from the log and from footers. None fails a batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from polars.exceptions import PolarsError

from config.errors import PenstockError
from config.pipeline import Pipeline
from config.table import Reader
from pipelines.errors import QueryError
from pipelines.promises.promise import Promise
from pipelines.reports.condition import condition, refuse_queries
from storage.skipping.nodes import Node
from storage.skipping.predicate import Path, find_type, type_at
from storage.skipping.reader import TableReader, read_table
from storage.skipping.share import share_to_read, some_rows

_PLACE: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<place>\?)""")
_NAME: Final = "?{}"


def promises(pipeline: Pipeline, version: int | None = None) -> tuple[Promise, ...]:
    """How the promises of `pipeline` stand; none, and nothing is read, where it makes none.

    Raises nothing of ours: what goes wrong is told.

    Args:
        pipeline: Which one.
        version: Of its table; the newest unless given.
    """
    if not pipeline.readers:
        return ()
    try:
        reader = read_table(pipeline.table.uri, version)
    except PenstockError as error:
        return tuple(Promise(one.where, one.at_most, None, None, str(error)) for one in pipeline.readers)
    return tuple(_judged(one, reader, pipeline.table.layout.row_group_rows) for one in pipeline.readers)


def check_reader(reader: Reader, schema: pl.Schema) -> None:
    """Whether a promise can be judged on a table of these columns.

    Raises:
        QueryError: Its condition does not fit them, or a `?` stands beside no column.
    """
    places = _places(reader.where, schema)
    types = {_NAME.format(number): type_at(schema, path) for number, path in enumerate(places)}
    condition(_named(reader.where), pl.Schema({**schema, **types}))


def _judged(promise: Reader, reader: TableReader, row_group_rows: int) -> Promise:
    try:
        check_reader(promise, reader.schema)
        share = _share(promise, reader)
    except PenstockError as error:
        return Promise(promise.where, promise.at_most, None, None, str(error))
    rows = int(reader.files()["rows"].sum())
    # With as few row groups as that, any query reads more.
    too_small = rows * promise.at_most < row_group_rows
    kept = None if share is None else share <= promise.at_most
    return Promise(promise.where, promise.at_most, share, None if too_small and not kept else kept)


def _share(promise: Reader, reader: TableReader) -> float | None:
    """The greatest among the sampled values; None without any."""
    places = _places(promise.where, reader.schema)
    if not places:
        return share_to_read(reader, condition(promise.where, reader.schema), promise.at_most)
    shares = [
        share_to_read(reader, condition(text, reader.schema), promise.at_most)
        for text in _filled(promise.where, some_rows(reader, places))
    ]
    return max(shares, default=None)


def _filled(where: str, rows: pl.DataFrame) -> Iterator[str]:
    """The condition with the values of each row for its places."""
    # row objects allowed: a handful of sampled rows
    for row in rows.iter_rows():
        values = iter(map(_literal, row))
        yield _PLACE.sub(lambda found: next(values) if found["place"] else found[0], where)  # noqa: B023


def _literal(value: Any) -> str:
    """SQL that means `value`."""
    if isinstance(value, datetime):
        kind = "timestamp" if value.tzinfo is None else "timestamptz"
        return f"{kind} '{value:%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _named(where: str) -> str:
    """The condition with a column for each place."""
    count = iter(range(where.count("?")))
    name = _NAME.format
    return _PLACE.sub(lambda found: f'"{name(next(count))}"' if found["place"] else found[0], where)


def _places(where: str, schema: pl.Schema) -> list[Path]:
    """For each `?` in turn, the column or field that it is compared with."""
    named = _named(where)
    refuse_queries(named)
    try:
        found = dict(_compared(Node.of(pl.sql_expr(named))))
    except PolarsError as error:
        raise _wrong(where, str(error).strip().splitlines()[0]) from error
    count = sum(1 for one in _PLACE.finditer(where) if one["place"])
    paths = [found.get(_NAME.format(number)) for number in range(count)]
    for path in paths:
        if path is None:
            raise _wrong(where, "a ? beside no column")
        if find_type(schema, path) is None:
            raise _wrong(where, f"no column {'.'.join(path)}")
    return [path for path in paths if path is not None]


def _compared(node: Node) -> Iterator[tuple[str, Path]]:
    """Each place in the expression with the column beside it."""
    inputs: Sequence[Node] = node.inputs()
    paths = [one.path() for one in inputs]
    beside = next((path for path in paths if path is not None and not path[0].startswith("?")), None)
    for path in paths:
        if path is not None and path[0].startswith("?") and beside is not None:
            yield path[0], beside
    for one in inputs:
        yield from _compared(one)


def _wrong(where: str, got: str) -> QueryError:
    return QueryError(
        "a promise to readers cannot be checked",
        where=where,
        got=got,
        expected="a condition over the columns of the table, each ? compared with one of them: user_id = ?",
    )

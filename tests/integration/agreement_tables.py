"""Tables of every kind that Penstock writes, and the rows that each of them must give to every reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

import polars as pl
import pyarrow as pa

from storage.layout.file_layout import FileLayout
from storage.layout.table_schema import to_storable
from storage.layout.table_writer import TableWriter
from storage.tables.commits import commit_batch
from storage.tables.delta import open_table
from tests.storage.layout.test_layout import AWKWARD
from tests.storage.maintenance.maintained import compacted
from tests.storage.merging.merges import a_rule, take_in
from tests.storage.replacing.replacements import append, plus_100, replace, rows

Build = Callable[[str], pl.DataFrame]
"""Writes a table to a URI, and gives the rows that it holds then, in any order."""

_UTC = dt.UTC
_YEAR_1, _YEAR_9999 = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001


def write(
    uri: str,
    *batches: pl.DataFrame,
    partition_by: Sequence[str] = (),
    layout: FileLayout = FileLayout(),  # noqa: B008
) -> None:
    """One commit a batch."""
    for batch in batches:
        table = open_table(uri)
        with TableWriter(uri, partition_by=partition_by, layout=layout, buffer_bytes=2**20) as writer:
            writer.write(batch)
            files = writer.finish()
        number = (table.version() + 2) if table else 1
        commit_batch(
            uri, table, app_id="a", batch=number, files=files, schema=batch.schema, partition_by=partition_by
        )


def _written(uri: str, *batches: pl.DataFrame, **options: Any) -> pl.DataFrame:
    write(uri, *batches, **options)
    return to_storable(pl.concat(batches))


def _numbers(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "i8": pl.Series([-128, 127, None], dtype=pl.Int8),
            "i16": pl.Series([-(2**15), 2**15 - 1, None], dtype=pl.Int16),
            "i32": pl.Series([-(2**31), 2**31 - 1, None], dtype=pl.Int32),
            "i64": [-(2**63), 2**63 - 1, None],
            "u64": pl.Series([0, 2**64 - 1, None], dtype=pl.UInt64),
            "f32": pl.Series([0.1, -0.0, None], dtype=pl.Float32),
            "f64": [5e-324, -1.7976931348623157e308, None],
            "yes": [True, False, None],
            "small": pl.Series([Decimal("-9999999.99"), Decimal("0.01"), None], dtype=pl.Decimal(9, 2)),
            "large": pl.Series(
                [Decimal("9" * 32 + ".999999"), Decimal("-0.000001"), None], dtype=pl.Decimal(38, 6)
            ),
        }
    )
    return _written(uri, frame)


def _texts(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "text": ["\U0010ffff\x01 é'\"\\\n", "", None, "x" * 5000],
            "raw": [b"\x00\xff", b"", None, b"abc"],
            "group": pl.Series(["A", "", None, "A"], dtype=pl.Categorical),
            "clock": [dt.time(0), dt.time(23, 59, 59, 999999), None, dt.time(12)],
        }
    )
    return _written(uri, frame)


def _recent_moments(uri: str) -> pl.DataFrame:
    return _written(uri, _moments(dt.datetime(1970, 1, 1, 0, 0, 0, 1), dt.datetime(2100, 1, 1, 23, 59, 59)))  # noqa: DTZ001


def _far_moments(uri: str) -> pl.DataFrame:
    return _written(uri, _moments(_YEAR_1, _YEAR_9999))


def _moments(first: dt.datetime, last: dt.datetime) -> pl.DataFrame:
    local = pl.Series("local", [first, last, None], dtype=pl.Datetime("us"))
    return pl.DataFrame([local, local.dt.date().alias("day"), local.dt.replace_time_zone("UTC").alias("at")])


def _nested(uri: str) -> pl.DataFrame:
    deep = {"b": ["x", None, ""], "c": {"d": Decimal("1.50")}}
    frame = pl.DataFrame(
        {
            "s": [
                {"a": 1, "deep": deep},
                {"a": None, "deep": {"b": None, "c": {"d": None}}},
                {"a": 2, "deep": deep},
            ],
            "ll": [[[1, 2], []], [], [[None], [3]]],
            "ls": [[{"k": "x", "v": 1.5}], [], [{"k": None, "v": None}]],
        }
    )
    return _written(uri, frame)


def _null_structs(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "s": [{"a": 1, "t": {"b": "x"}}, {"a": None, "t": None}, None],
            "l": [["x", None], None, []],
            "ls": [[{"k": 1}, None], None, []],
            "ll": [[[1], None], None, []],
        }
    )
    return _written(uri, frame)


def _maps(uri: str) -> pl.DataFrame:
    entries = pa.array([[("a", 1), ("b", None)], [], [("", 3)]], pa.map_(pa.string(), pa.int64()))
    return _written(uri, pl.DataFrame(pa.table({"n": [1, 2, 3], "m": entries})))


def _nan(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame({"n": [1, 2, 3, 4, 5], "f": [float("nan"), float("inf"), -float("inf"), None, 1.0]})
    return _written(uri, frame, frame.with_columns(f=pl.lit(0.5)))


def _no_rows(uri: str) -> pl.DataFrame:
    return _written(uri, pl.DataFrame(schema={"n": pl.Int64, "t": pl.String}))


def _column_of_nulls(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame({"n": [1, 2], "x": [None, None]}, schema={"n": pl.Int64, "x": pl.String})
    return _written(uri, frame, frame.with_columns(x=pl.lit("y")))


def _awkward_partitions(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame({"p": AWKWARD, "n": range(len(AWKWARD))}, schema={"p": pl.String, "n": pl.Int64})
    return _written(uri, frame, frame, partition_by=["p"])


def _typed_partitions(uri: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "n": [1, 2, 3],
            "i": [-1, 2**62, None],
            "yes": [True, False, None],
            "day": [dt.date(1970, 1, 1), dt.date(2026, 2, 28), None],
            "at": [dt.datetime(2026, 1, 1, 1, 2, 3, 4, _UTC), dt.datetime(1970, 1, 1, tzinfo=_UTC), None],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )
    return _written(uri, frame, partition_by=["i", "yes", "day", "at"])


def _evolved(uri: str) -> pl.DataFrame:
    narrow: dict[str, Any] = {
        "n": pl.Int8,
        "f": pl.Float32,
        "d": pl.Decimal(5, 2),
        "s": pl.Struct({"a": pl.Int16}),
    }
    first = pl.DataFrame(
        {
            "n": [1, None],
            "f": [0.5, None],
            "d": [Decimal("-999.99"), None],
            "s": [{"a": 1}, {"a": None}],
            "p": ["a", None],
        },
        schema={**narrow, "p": pl.String},
    )
    wide: dict[str, Any] = {
        "n": pl.Int64,
        "f": pl.Float64,
        "d": pl.Decimal(20, 4),
        "s": pl.Struct({"a": pl.Int64, "b": pl.String}),
    }
    second = pl.DataFrame(
        {
            "n": [2**40],
            "f": [0.1],
            "d": [Decimal("1.2345")],
            "s": [{"a": 2**40, "b": "x"}],
            "p": ["b"],
            "new": [True],
        },
        schema={**wide, "p": pl.String, "new": pl.Boolean},
    )
    third = pl.DataFrame({"n": [5], "p": ["a"]}, schema={"n": pl.Int64, "p": pl.String})
    write(uri, first, second, third, partition_by=["p"])
    old = first.with_columns(pl.col("s").struct.with_fields(b=pl.lit(None, pl.String))).cast(pl.Schema(wide))
    return pl.concat([old, second, third], how="diagonal")


def _upserted(uri: str) -> pl.DataFrame:
    rule = a_rule(key=("id", "p"), order_by=("x",), partition_by=("p",), sort_by=("id",))
    ids = pl.int_range(200, eager=True).alias("id")
    before = pl.DataFrame([ids]).with_columns(x=pl.lit(1), p=pl.format("%{}/", pl.col("id") % 3))
    after = before.filter(pl.col("id") % 7 == 0).with_columns(x=pl.lit(2))
    for number, frame in enumerate([before, after, after.with_columns(x=pl.lit(0))], 1):
        take_in(uri, rule, number, frame.cast({"x": pl.Int64}))
    unchanged = before.filter(pl.col("id") % 7 != 0)
    return pl.concat([unchanged, after]).cast({"x": pl.Int64})


def _replaced(uri: str) -> pl.DataFrame:
    append(uri, pl.concat(rows([n, n + 100], p) for n, p in enumerate(AWKWARD)))
    for p in AWKWARD[::2]:
        replace(uri, plus_100, p=p)
    changed = [rows([n, n + 100], p, 0 if n % 2 else 100) for n, p in enumerate(AWKWARD)]
    return pl.concat(changed)


def _compacted(uri: str) -> pl.DataFrame:
    numbers = count()
    batches = [
        pl.DataFrame({"id": [next(numbers) * 7 % 50 for _ in range(10)], "p": ["a b", None] * 5})
        for _ in range(5)
    ]
    found = _written(uri, *batches, partition_by=["p"])
    compacted(uri)
    return found


def _laid_out(uri: str) -> pl.DataFrame:
    layout = FileLayout(z_order_by=("a", "b"), row_group_rows=1000, bloom=("t",), statistics=("a", "t"))
    ids = pl.int_range(5000, eager=True).alias("a")
    frame = pl.DataFrame([ids]).with_columns(
        b=pl.col("a") * 7919 % 5000,
        t=pl.format("text {}", pl.col("a") % 97),
        # These get deltas, streams of bytes and a dictionary inside of lists (`storage.layout.encodings`).
        name=pl.format("org-000/repo-{}", pl.col("a") // 4 + 10**8),
        ratio=100 + (pl.col("a") * 7919 % 5003) / 7919,
        s=pl.struct(at=(pl.col("a") * 605_000).cast(pl.Datetime("us", "UTC"))),
        tags=pl.concat_list(pl.format("tag-{}", pl.col("a") % 9), pl.lit("a tag")),
    )
    return _written(uri, frame, layout=layout)


def _with_checkpoint_only(uri: str) -> pl.DataFrame:
    found = _written(uri, *[pl.DataFrame({"n": [n], "t": [str(n)]}) for n in range(4)])
    table = open_table(uri)
    assert table is not None
    table.create_checkpoint()
    return found


TABLES: dict[str, Build] = {
    "numbers": _numbers,
    "texts": _texts,
    "recent moments": _recent_moments,
    "far moments": _far_moments,
    "nested": _nested,
    "null structs and lists": _null_structs,
    "maps": _maps,
    "NaN and infinities": _nan,
    "no rows": _no_rows,
    "a column of nulls": _column_of_nulls,
    "awkward partitions": _awkward_partitions,
    "typed partitions": _typed_partitions,
    "evolved": _evolved,
    "upserted": _upserted,
    "replaced": _replaced,
    "compacted": _compacted,
    "laid out": _laid_out,
    "with a checkpoint": _with_checkpoint_only,
}

"""Engines over tables without pipelines, and conditions of all kinds as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
from datafusion import SessionConfig, SessionContext
from hypothesis import strategies as st

from config.pipeline import Pipeline
from config.settings import Settings
from serving.catalog import Catalog, unknown_table
from serving.queries.query import Engine, Statement


class Tables(Catalog):
    """Tables at URIs, without pipeline files."""

    def __init__(self, uris: Mapping[str, str]) -> None:
        super().__init__(Settings())
        self.uris = uris

    def names(self) -> list[str]:
        """All of them."""
        return sorted(self.uris)

    def pipeline(self, name: str) -> Pipeline:
        """One that has the table."""
        if name not in self.uris:
            raise unknown_table(name)
        columns: Any = {"columns": {"id": "int64"}}
        return Pipeline.model_validate(
            {
                "name": name,
                "source": {"uri": "/landing"},
                "contract": columns,
                "table": {"uri": self.uris[name]},
            }
        )


def engine_of(threads: int = 2, memory_bytes: int = 2**31, **uris: str) -> Engine:
    """An engine over tables by their names."""
    return Engine(Tables(uris), memory_bytes=memory_bytes, threads=threads)


def ask(engine: Engine, sql: str, **statement: Any) -> list[dict[str, Any]]:
    """The rows of an answer."""
    planned = engine.plan(Statement(sql, **statement), lambda _name: True)
    rows: list[dict[str, Any]] = pa.Table.from_batches(planned.batches(), planned.schema).to_pylist()
    return rows


def in_memory(rows: pl.DataFrame, name: str = "t") -> SessionContext:
    """DataFusion over rows in memory, of which nothing can be skipped."""
    session = SessionContext(SessionConfig().with_target_partitions(2).with_information_schema(enabled=True))
    session.from_arrow(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), name)
    return session


_NUMBERS = [
    "0",
    "-0.0",
    "0.0",
    "1",
    "-3",
    "2",
    "1.5",
    "-2.0",
    "1e0",
    "9007199254740993",
    "9223372036854775807",
]
_NUMBERS += ["-9223372036854775808", "9223372036854775808", "'nan'", "cast('NaN' as double)", "null", "'1'"]
_NUMBERS += [
    "cast('01' as int)",
    "cast(1.5 as real)",
    "cast(2 as smallint)",
    "cast(1.25 as decimal(10,2))",
    "127",
]
_NUMBERS += ["300", "-300", "cast('inf' as double)", "0.1", "cast(0.1 as real)", "1 + 1"]
_TEXTS = ["''", "'a'", "'ab'", "'b'", "'é'", "'A'", "'a%'", "null", "'a=b/c d%'", "5", "cast('a' as varchar)"]
_DAYS = ["'2026-01-01'", "date '2026-01-03'", "'2026-01-02'", "timestamp '2026-01-02 10:00:00'", "null"]
_DAYS += ["cast('2026-01-02T23:59:59' as date)", "date '2026-01-01' + interval '1 day'", "'2026-01-06'"]
_MOMENTS = ["'2026-01-01'", "'2026-01-02T01:00:00'", "'2026-01-02T01:00:00Z'", "date '2026-01-03'", "null"]
_MOMENTS += ["timestamp '2026-01-01 07:00:00.999999'", "timestamp '2026-01-02 04:00:00+03:00'"]
_MOMENTS += [
    "'2026-01-01T07:00:00.999999500'",
    "cast('2026-01-02T23:59:59' as date)",
    "timestamp '2026-01-04'",
]
_MOMENTS += ["cast('2026-01-01T07:00:00.999999500' as timestamp)", "to_timestamp('2026-01-03T02:00:00')"]
_MOMENTS += ["arrow_cast('2026-01-02T01:00:00', 'Timestamp(Second, None)')"]
VALUES = {
    "i": _NUMBERS,
    "small": _NUMBERS,
    "f": _NUMBERS,
    "f4": _NUMBERS,
    "neg": _NUMBERS,
    '"F.x"': _NUMBERS,
    "amount": _NUMBERS,
    "s.x": _NUMBERS,
    "s['x']": _NUMBERS,
    "t": _TEXTS,
    "p": _TEXTS,
    "s.t": _TEXTS,
    '"Tx"': _TEXTS,
    "day": _DAYS,
    "q": _DAYS,
    "cast(at as date)": _DAYS,
    "cast(naive as date)": _DAYS,
    "at": _MOMENTS,
    "naive": _MOMENTS,
    "yes": ["true", "false", "null"],
    "bin": ["x'61'", "arrow_cast('ab', 'Binary')", "'a'", "null"],
    "i + 1": _NUMBERS,
    "abs(f)": _NUMBERS,
    "cast(i as double)": _NUMBERS,
    "cast(t as varchar)": _TEXTS,
    "cast(i as varchar)": _TEXTS,
    "coalesce(t, 'a')": _TEXTS,
    "date_trunc('day', at)": _MOMENTS,
    "t.i": _NUMBERS,
}
_LIKES = [
    "'a%'",
    "'a_'",
    "'%a'",
    "'a!%%' escape '!'",
    "'a\\%'",
    "'a'",
    "'é%'",
    "''",
    "null",
    "'A%'",
    "'a\\\\%'",
]


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """A condition of SQL, for a WHERE."""
    found = draw(_simple())
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["and", "or", "not"]))
        found = f"not ({found})" if kind == "not" else f"({found}) {kind} ({draw(_simple())})"
    return found


@st.composite
def _simple(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(VALUES)))
    one, two, three = (draw(st.sampled_from(VALUES[name])) for _ in range(3))
    kinds = ["compare"] * 4 + ["in", "between", "null", "distinct", "many"]
    kinds += ["like"] * 4 if VALUES[name] is _TEXTS else []
    kinds += ["flag"] * 2 if name == "yes" else []
    negated = draw(st.sampled_from(["", "not "]))
    match draw(st.sampled_from(kinds)):
        case "compare":
            sign = draw(st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]))
            pair = (name, one) if draw(st.booleans()) else (one, name)
            return f"{pair[0]} {sign} {pair[1]}"
        case "in":
            return f"{name} {negated}in ({one}, {two})"
        case "many":
            values = [draw(st.sampled_from(VALUES[name])) for _ in range(5)]
            return f"{name} {negated}in ({', '.join(values)})"
        case "between":
            return f"{name} {negated}between {two} and {three}"
        case "null":
            return f"{name} is {negated}null"
        case "distinct":
            return f"{name} is {negated}distinct from {one}"
        case "like":
            word = draw(st.sampled_from(["like", "like", "ilike"]))
            return f"{name} {negated}{word} {draw(st.sampled_from(_LIKES))}"
        case _:
            return draw(
                st.sampled_from(["yes", "not yes", "yes is true", "yes is not false", "yes is unknown"])
            )

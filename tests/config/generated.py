"""Hypothesis strategies for contracts and pipelines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from config.column_types import (
    Binary,
    Boolean,
    Column,
    ColumnType,
    Date,
    Decimal,
    Dictionary,
    Float,
    Integer,
    Json,
    List,
    String,
    Struct,
    Time,
    Timestamp,
    TimeUnit,
)
from config.names import RESERVED, is_column_name
from config.pipeline import Pipeline

UNITS: st.SearchStrategy[TimeUnit] = st.sampled_from(["s", "ms", "us"])
ZONES = st.sampled_from([None, "UTC", "Asia/Tokyo"])
SCALARS: st.SearchStrategy[ColumnType] = st.one_of(
    st.sampled_from([Boolean(), String(), Dictionary(), Binary(), Json(), Date(), Time()]),
    st.builds(Integer, st.sampled_from([8, 16, 32, 64]), st.booleans()),
    st.builds(Float, st.sampled_from([32, 64])),
    st.integers(1, 38).flatmap(lambda p: st.builds(Decimal, st.just(p), st.integers(0, p))),
    st.builds(Timestamp, UNITS, ZONES),
    st.builds(
        Timestamp,
        UNITS,
        st.sampled_from(["UTC", "Asia/Tokyo"]),
        st.sampled_from([None, "s", "ms", "us", "ns"]),
        ZONES,
    ),
)
# Words that YAML 1.1 and pydantic might take for something else, and the keys of the long form.
TRICKY_NAMES = st.sampled_from(
    ["on", "no", "null", "true", "y", "type", "required", "epoch", "assume_zone", "columns", "sql", "été"]
)
NAMES = st.one_of(TRICKY_NAMES, st.from_regex(r"[A-Za-z_@$][A-Za-z0-9_@$-]{0,8}", fullmatch=True)).filter(
    lambda name: is_column_name(name) and name.lower() not in RESERVED
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def column_tuples(types: st.SearchStrategy[ColumnType]) -> st.SearchStrategy[tuple[Column, ...]]:
    """Columns whose names differ in more than case."""
    columns = st.builds(Column, NAMES, types, st.booleans())
    return st.lists(columns, min_size=1, max_size=4, unique_by=lambda one: one.name.casefold()).map(tuple)


TYPES: st.SearchStrategy[ColumnType] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(Struct, column_tuples(inner)),
        st.builds(List, st.builds(Column, st.just(""), inner, st.booleans())),
    ),
    max_leaves=6,
)
COLUMNS = column_tuples(TYPES)
STEPS = st.one_of(
    st.fixed_dictionaries({"sql": TEXTS}),
    st.fixed_dictionaries({"use": st.just("a.b:c")}, optional={"with": st.dictionaries(TEXTS, JSON_VALUES)}),
)
SCHEDULES: list[dict[str, Any] | None] = [
    None,
    {"cron": "*/5 * * * *"},
    {"cron": "0 6 * * mon", "timezone": "Europe/Berlin"},
    {"every": timedelta(minutes=90)},
]


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    """Any valid pipeline."""
    columns = draw(COLUMNS)
    spec: dict[str, Any] = {
        "name": draw(st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,9}", fullmatch=True)),
        "description": draw(st.one_of(st.just(""), TEXTS)),
        "source": {
            "uri": "in/**/*.gz",
            "max_files_per_batch": draw(st.integers(1, 10**9)),
            "max_bytes_per_batch": draw(st.integers(1, 2**62)),
        },
        "contract": {
            "columns": columns,
            "on_mismatch": draw(st.sampled_from(["quarantine", "rescue", "fail"])),
        },
        "transforms": draw(st.lists(STEPS, max_size=2)),
        "expectations": [{"name": "one", "expect": draw(TEXTS), "action": "drop"}] * draw(st.integers(0, 1)),
        "table": {"uri": "s3://lake/t", "sort_by": draw(st.sampled_from([[], ["_rescued"]]))},
        "lineage": draw(st.booleans()),
        "schedule": draw(st.sampled_from(SCHEDULES)),
        "tags": draw(st.lists(TEXTS, max_size=2)),
        "engine": draw(st.sampled_from(["local", "dask"])),
        "alerts": draw(st.sampled_from([{}, {"quarantine_share": "2.5%"}, {"lag": timedelta(hours=3)}])),
    }
    return Pipeline.model_validate(spec)

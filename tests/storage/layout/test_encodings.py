"""How encodings are chosen."""

from __future__ import annotations

import io

import polars as pl
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from storage.layout.encodings import Encodings, encodings_for
from storage.layout.leaves import leaves
from storage.layout.parquet_file import encode_parquet

_ROWS = 5_000


def telling() -> pl.DataFrame:
    n = pl.int_range(_ROWS, eager=True)
    noise = (n.hash(7) // 2).cast(pl.Int64)
    return pl.DataFrame(
        {
            "counts": n * 13 + noise % 11,
            "name": [f"org-000/repo-{one:09}" for one in range(_ROWS)],
            "kind": (noise % 7).cast(pl.String) + " is a kind",
            "tags": [[f"tag-{one % 9}", "a tag"] for one in range(_ROWS)],
            "ratio": n / 7,
            "text": [f"{one:x}" * 3 for one in noise],
            "s": pl.DataFrame({"at": (n * 605_000).cast(pl.Datetime("us", "UTC"))}).to_struct(),
        }
    )


def test_encodings_for_rows_are_what_suits_each_column() -> None:
    chosen = encodings_for(telling())

    assert set(chosen.dictionary or ()) == {"kind", "tags.list.element"}
    assert chosen.others == {
        "counts": "DELTA_BINARY_PACKED",
        "name": "DELTA_BYTE_ARRAY",
        "s.at": "DELTA_BINARY_PACKED",
        "ratio": "BYTE_STREAM_SPLIT",
    }


def test_encode_parquet_with_chosen_encodings_takes_less_and_reads_back() -> None:
    frame = telling()

    chosen = encode_parquet(frame).data

    assert len(chosen) < 0.8 * len(encode_parquet(frame, encodings=Encodings()).data)
    assert_frame_equal(pl.DataFrame(pq.read_table(io.BytesIO(chosen))), frame, check_dtypes=False)
    assert_frame_equal(pl.read_parquet(io.BytesIO(chosen)), frame)


def test_encodings_for_few_rows_are_not_chosen() -> None:
    assert not encodings_for(telling()[:100]).chosen
    assert encodings_for(telling()).chosen


def test_encodings_for_categories_are_dictionaries_even_where_others_take_less() -> None:
    frame = pl.DataFrame({"c": pl.Series(["one and the same"] * _ROWS, dtype=pl.Categorical)})

    assert encodings_for(frame).dictionary == ("c",)


@pytest.mark.parametrize("second", [pl.Series(["x"] * _ROWS), pl.int_range(_ROWS, eager=True)])
def test_columns_that_share_a_parquet_path_keep_their_values(second: pl.Series) -> None:
    first = pl.Series([float("nan"), 1.0] * (_ROWS // 2))
    frame = pl.DataFrame({"a.b": first, "a": pl.DataFrame({"b": second}).to_struct()})

    data = encode_parquet(frame).data

    assert_frame_equal(pl.DataFrame(pq.read_table(io.BytesIO(data))), frame)


def test_wide_rows_are_asked_for_more_often_whether_a_page_is_full() -> None:
    wide = pl.DataFrame({"t": ["x" * 50_000 + str(one) for one in range(1_100)]})

    assert encodings_for(wide).rows_at_once < 40
    assert encodings_for(telling()).rows_at_once == 20_000


def test_leaves_are_the_columns_of_a_parquet_file() -> None:
    frame = telling()[:2].with_columns(
        m=pl.Series([[{"key": "a", "value": {"x": [1.0]}}], []]).cast(
            pl.Map(pl.String(), pl.Struct({"x": pl.List(pl.Float64())}))
        )
    )

    schema = pq.read_metadata(io.BytesIO(encode_parquet(frame).data)).schema

    paths = [schema.column(position).path for position in range(len(schema))]
    assert [leaf.parquet_path for leaf in leaves(frame.schema)] == paths

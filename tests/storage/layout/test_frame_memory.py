"""Blocks that text points into are counted, once, and let go by a copy."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from storage.layout.frame_memory import buffers, compacted, joined_bytes, trimmed

TEXT_BYTES = 40


def pointing_into(block: np.ndarray, rows: int) -> pl.DataFrame:
    """A frame whose two columns of text, one of them in lists, point into `block`."""
    views = np.zeros((rows, 4), np.int32)
    views[:, 0] = TEXT_BYTES
    views[:, 1] = np.frombuffer(b"abcd", np.int32)[0]
    views[:, 3] = np.arange(rows) * TEXT_BYTES
    text = pa.Array.from_buffers(pa.string_view(), rows, [None, pa.py_buffer(views), pa.py_buffer(block)])
    lists = pa.LargeListArray.from_arrays(pa.array(np.arange(rows + 1)), text)
    return pl.DataFrame({"text": pl.Series(text), "lists": pl.Series(lists), "n": np.arange(rows)})


@pytest.fixture
def block() -> np.ndarray:
    return np.frombuffer(b"abcdefghij" * 400_000, np.uint8).copy()


def test_buffers_count_a_shared_block_once(block: np.ndarray) -> None:
    frame = pointing_into(block, 100)

    held = buffers(frame) | buffers(frame[:10])

    assert frame.estimated_size() < 20_000
    assert len(block) < sum(held.values()) < len(block) + 20_000


def test_joined_bytes_count_text_that_is_null() -> None:
    frame = pl.DataFrame(
        {"a": [None] * 1000, "s": [{"b": None, "c": 1}] * 1000},
        {"a": pl.String, "s": pl.Struct({"b": pl.String, "c": pl.Int8})},
    )
    many = pl.concat([frame] * 100)

    assert sum(buffers(many.rechunk()).values()) <= 1.5 * joined_bytes(many)
    assert joined_bytes(many) == 100 * joined_bytes(frame)


def test_compacted_lets_the_block_go(block: np.ndarray) -> None:
    frame = pointing_into(block, 10_000)[2_000:2_010]

    copy = compacted(frame)

    assert copy.equals(frame)
    assert sum(buffers(copy).values()) < 10 * (4 * TEXT_BYTES + 100)


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_compacted_and_trimmed_keep_few_rows(block: np.ndarray, rows: int) -> None:
    frame = pointing_into(block, 10)[5 : 5 + rows]

    assert compacted(frame).equals(frame)
    assert trimmed(frame).equals(frame)


def test_compacted_keeps_every_type() -> None:
    frame = pl.DataFrame(
        {
            "at": pl.Series([1, None]).cast(pl.Datetime("us", "UTC")),
            "amount": pl.Series(["1.50", None]).cast(pl.Decimal(38, 2)),
            "raw": [b"\xff" * 20, None],
            "deep": [{"a": [{"b": "text that is not inlined"}]}, None],
            "map": pl.Series([[{"key": "k", "value": 1}], None]).cast(pl.Map(pl.String, pl.Int64)),
            "day": pl.Series([1, None], dtype=pl.Int32).cast(pl.Date),
        }
    )

    copy = compacted(frame)

    assert copy.schema == frame.schema
    assert copy.equals(frame)

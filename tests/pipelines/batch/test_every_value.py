"""Any value of the contract's types, in any format that can express it, survives encode, land, run, read."""

from __future__ import annotations

import lzma
import struct
import tempfile
from collections.abc import Mapping
from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Store
from tests.pipelines.landed_formats import COMPRESSED, FORMATS, LandedFormat, records_of
from tests.pipelines.taking_in import a_pipeline, refused, run_and_prove, table


def same(got: Any, wanted: Any) -> bool:
    """Whether two values are one, bit for bit: the sign of a zero counts."""
    if isinstance(wanted, float):
        return isinstance(got, float) and struct.pack("<d", got) == struct.pack("<d", wanted)
    if isinstance(wanted, Mapping):
        return got is not None and all(same(got[name], one) for name, one in wanted.items())
    if isinstance(wanted, list):
        return got is not None and len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(wanted, time):
        return bool(got == wanted.strftime("%H:%M:%S.%f"))  # Delta has no time of the day
    return bool(got == wanted)


def check_survival(landed: LandedFormat, compression: str, records: list[dict[str, Any]]) -> None:
    """Lands the records as one file and runs: every value is in the table, and none is refused."""
    columns = {"id": "int64!", **{name: kind.spec for name, kind in landed.kinds.items()}}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        file = COMPRESSED[compression](landed.write(records))
        store.put(f"landing/a{landed.suffix}{compression}", file)
        pipeline = a_pipeline(store, columns)

        run_and_prove(pipeline)

        assert refused(pipeline).rows() == []
        rows = table(pipeline).sort("id").to_dicts()
        assert [row["id"] for row in rows] == list(range(len(records)))
        for row, record in zip(rows, records, strict=True):
            changed = [name for name, value in record.items() if not same(row[name], value)]
            assert changed == [], {name: (row[name], record[name]) for name in changed}


@pytest.mark.parametrize("landed", FORMATS, ids=lambda landed: landed.suffix[1:])
def test_run_gives_back_every_value_that_landed_bit_for_bit(landed: LandedFormat) -> None:
    @settings(max_examples=landed.examples)
    @given(records_of(landed.kinds), st.sampled_from(sorted(COMPRESSED)))
    def holds(records: list[dict[str, Any]], compression: str) -> None:
        check_survival(landed, compression, records)

    holds()


def test_run_header_that_is_decompressed_alone_still_names_the_cells(local: Store) -> None:
    local.put("landing/a.csv.xz", lzma.compress(b"kind,id\r\n") + lzma.compress(b"click,7\r\n"))
    pipeline = a_pipeline(local, {"id": "int64!", "kind": "string"})

    run_and_prove(pipeline)

    assert table(pipeline).select("id", "kind").rows() == [(7, "click")]

"""Whatever happens to the bytes of a file, in any format: every record is a row or in the quarantine."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Store
from tests.pipelines.landed_formats import COMPRESSED, FORMATS, LandedFormat, records_of
from tests.pipelines.mutations import mutated
from tests.pipelines.taking_in import a_pipeline, ids, land, refused, run_and_prove, table

KEPT = 1000
"""The id of a record in a file that nothing happens to."""


def check_mutated(landed: LandedFormat, compression: str, data: bytes) -> None:
    """Runs over a file with these bytes, beside a good one; the proof holds, and no record is lost."""
    columns = {"id": "int64!", **{name: kind.spec for name, kind in landed.kinds.items()}}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.put(f"landing/a{landed.suffix}{compression}", data)
        land(store, "b.ndjson", b'{"id": %d}' % KEPT)
        pipeline = a_pipeline(store, columns)

        batches = run_and_prove(pipeline).batches

        assert sum(one.records_read for one in batches) == table(pipeline).height + refused(pipeline).height
        assert KEPT in ids(pipeline)


@pytest.mark.parametrize("landed", FORMATS, ids=lambda landed: landed.suffix[1:])
def test_run_mutated_file_keeps_every_record_somewhere(landed: LandedFormat) -> None:
    @settings(max_examples=landed.examples)
    @given(st.data(), records_of(landed.kinds), st.sampled_from(sorted(COMPRESSED)))
    def holds(data: st.DataObject, records: list[dict[str, object]], compression: str) -> None:
        whole = COMPRESSED[compression](landed.write(records))
        check_mutated(landed, compression, data.draw(mutated(whole)))

    holds()

"""Small typed files that stand for much: what they take is bounded, and the good files beside them arrive."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq

from config.settings import Settings
from tests.conftest import Store
from tests.pipelines.taking_in import a_pipeline, ids, reasons, run_and_prove


def test_a_bomb_around_a_typed_file_is_one_refusal_and_the_others_go_on(local: Store) -> None:
    rows = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), rows)
    local.put("landing/a.parquet.gz", gzip.compress(bytes(3 * 2**20)))
    local.put("landing/b.parquet.gz", gzip.compress(rows.getvalue()))
    pipeline = a_pipeline(local, {"id": "int64!"})

    run_and_prove(pipeline, Settings(threads=2, max_unpacked_bytes=2 * 2**20))

    assert reasons(pipeline) == [("too_large_unpacked", None)]
    assert ids(pipeline) == [1]

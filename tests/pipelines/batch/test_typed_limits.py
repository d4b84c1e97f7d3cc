"""Small typed files that stand for much: what they take is bounded, and the good files beside them arrive."""

from __future__ import annotations

import gzip
import io
import resource

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from config.settings import Settings
from pipelines.replay import replay
from tests.conftest import Store
from tests.pipelines.taking_in import a_pipeline, ids, reasons, refused, run_and_prove, table
from tests.storage.typed.typed_reading import ipc_file

MIB = 2**20
FEW = {"name": "few", "expect": "id < 1", "action": "quarantine"}


def shared(rows: int, word_bytes: int) -> bytes:
    """An IPC file whose rows all have one long word, which is there once."""
    codes = pa.array(np.zeros(rows, np.int32))
    words = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * word_bytes]))
    return ipc_file(pa.table({"id": pa.array(np.arange(rows)), "word": words}), rows_a_batch=rows)


def test_a_bomb_around_a_typed_file_is_one_refusal_and_the_others_go_on(local: Store) -> None:
    rows = io.BytesIO()
    pq.write_table(pa.table({"id": [1]}), rows)
    local.put("landing/a.parquet.gz", gzip.compress(bytes(3 * 2**20)))
    local.put("landing/b.parquet.gz", gzip.compress(rows.getvalue()))
    pipeline = a_pipeline(local, {"id": "int64!"})

    run_and_prove(pipeline, Settings(threads=2, max_unpacked_bytes=2 * 2**20))

    assert reasons(pipeline) == [("too_large_unpacked", None)]
    assert ids(pipeline) == [1]


def test_rows_that_take_no_bytes_are_limited_and_the_others_go_on(local: Store) -> None:
    nothing = pa.record_batch([pa.Array.from_buffers(pa.null(), 2**40, [None])], ["n"])
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(allow_64bit=True)
    with pa.ipc.new_file(sink, nothing.schema, options=options) as writer:
        writer.write_batch(nothing)
    assert len(sink.getvalue()) < 1000
    local.put("landing/a.arrow", sink.getvalue())
    local.put("landing/b.arrow", ipc_file(pa.table({"n": [1]})))
    pipeline = a_pipeline(local, {"n": "int64"})

    run_and_prove(pipeline, Settings(threads=2, max_unpacked_bytes=16 * 100_000))

    assert reasons(pipeline) == [("too_large_unpacked", None)]
    assert table(pipeline)["n"].value_counts().sort("n").rows() == [(None, 100_000), (1, 1)]


def test_rows_with_a_long_word_in_common_are_copied_a_few_at_a_time(local: Store) -> None:
    local.put("landing/a.arrow", shared(300, MIB))
    local.put("landing/b.arrow", shared(2, 10))
    pipeline = a_pipeline(local, {"id": "int64!"}, expectations=[FEW])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    run_and_prove(pipeline, Settings(threads=2, memory_bytes=64 * MIB))

    assert ids(pipeline) == [0, 0]
    assert refused(pipeline)["record"].to_list() == [*range(2, 301), 2]
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 600 * MIB


def test_rows_with_copies_that_are_too_long_are_refused_without(local: Store) -> None:
    local.put("landing/a.arrow", shared(3, MIB))
    quotes = pa.array([1, 2]), pa.array(['"' * MIB, "short"])
    local.put("landing/b.arrow", ipc_file(pa.table(quotes, ["id", "word"])))
    pipeline = a_pipeline(local, {"id": "int64!", "word": "int8"})
    settings = Settings(threads=2, max_record_bytes=MIB + MIB // 2)

    run_and_prove(pipeline, settings)

    assert reasons(pipeline) == [("type_mismatch", "word")] * 5
    assert refused(pipeline)["raw"].is_null().to_list() == [False, False, False, True, False]
    assert replay(pipeline, settings).not_replayable == 1


def test_a_file_that_stands_for_too_much_is_one_refusal(local: Store) -> None:
    local.put("landing/a.arrow", shared(100_000, MIB))
    local.put("landing/b.arrow", shared(2, 10))
    pipeline = a_pipeline(local, {"id": "int64!", "word": "string"})

    run_and_prove(pipeline)

    assert reasons(pipeline) == [("too_large_unpacked", None)]
    assert ids(pipeline) == [0, 1]

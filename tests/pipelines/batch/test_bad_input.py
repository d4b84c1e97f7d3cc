"""Whatever lands: the good records beside it arrive, nothing is lost, and the proof holds."""

from __future__ import annotations

import gzip
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import SpecError
from config.settings import Settings
from config.spec_file import load_pipeline
from tests.conftest import Store
from tests.pipelines.taking_in import (
    a_pipeline,
    event,
    events,
    ids,
    land,
    raws,
    reasons,
    refused,
    run_and_prove,
    table,
)

DEEP = b"[" * 10_000 + b"]" * 10_000


@pytest.mark.parametrize(
    ("bad", "reason", "column"),
    [
        pytest.param(b"null", "not_an_object", None, id="null"),
        pytest.param(b"[]", "not_an_object", None, id="array"),
        pytest.param(b"5", "not_an_object", None, id="number"),
        pytest.param(b"NaN", "malformed_json", None, id="NaN"),
        pytest.param(b'{"id": NaN}', "malformed_json", None, id="NaN in a column"),
        pytest.param(b'{"id": 9, "new": Infinity}', "malformed_json", None, id="infinity in a new field"),
        pytest.param(b'{"id": 9, "kind": "\xff"}', "invalid_utf8", None, id="invalid UTF-8"),
        pytest.param(b'{"id": 9, "new": "\xc3"}', "invalid_utf8", None, id="invalid UTF-8 in a new field"),
        pytest.param(b'{"id": 9, "new": ' + DEEP + b"}", "too_deep", None, id="10,000 levels"),
        pytest.param(b'{"id": 9, "actor": ' + DEEP + b"}", "too_deep", None, id="10,000 levels in a column"),
        pytest.param(DEEP, "too_deep", None, id="10,000 levels and nothing else"),
        pytest.param(b'{"id": 9, "id": 9}', "duplicate_key", "id", id="duplicate key"),
        pytest.param(b'{"id": 9, "actor": {"id": 1, "id": 1}}', "duplicate_key", "actor.id", id="nested one"),
        pytest.param(b'{"id": 9223372036854775808}', "out_of_range", "id", id="beyond int64"),
        pytest.param(b'{"id": -9223372036854775809}', "out_of_range", "id", id="below int64"),
        pytest.param(b'{"id": 1e400}', "out_of_range", "id", id="far beyond int64"),
        pytest.param(b'{"id": 9, "kind": "\\ud800"}', "lone_surrogate", "kind", id="surrogate"),
        pytest.param(b'{"id": 9, "kind": "\\udc00\\ud800"}', "lone_surrogate", "kind", id="swapped pair"),
        pytest.param(b'{"id": 9, "actor": {"id": "1"}}', "type_mismatch", "actor.id", id="nested wrong type"),
        pytest.param(b'{"id": 9, "actor": 1}', "type_mismatch", "actor", id="number for a struct"),
        pytest.param(b'{"id": 1.5}', "type_mismatch", "id", id="fraction in an integer"),
        pytest.param(b'{"kind": "click"}', "missing_required", "id", id="missing required field"),
        pytest.param(b'{"id": null}', "missing_required", "id", id="null in a required field"),
        pytest.param(b'{"id": 9', "malformed_json", None, id="cut off"),
        pytest.param(b"\x00" * 100, "malformed_json", None, id="zero bytes"),
    ],
)
def test_run_bad_record_between_good_ones_is_quarantined_verbatim(
    local: Store, bad: bytes, reason: str, column: str | None
) -> None:
    path = land(local, "a.ndjson", event(1), bad, event(2))
    land(local, "b.ndjson", event(3))
    pipeline = a_pipeline(local)

    run_and_prove(pipeline)

    assert ids(pipeline) == [1, 2, 3]
    offset = len(event(1)) + 1
    assert refused(pipeline).rows() == [(1, path, 2, offset, len(bad), reason, column, bad, None)]


def test_run_new_field_is_kept_aside_in_its_row(local: Store) -> None:
    land(local, "a.ndjson", event(1), b'{"id": 2, "new": {"deep": [1.50]}}', b'{"id": 3, "\\ud800": 1}')
    pipeline = a_pipeline(local)

    run_and_prove(pipeline)

    rescued = dict(table(pipeline).select("id", "_rescued").iter_rows())
    assert rescued == {1: None, 2: '{"new":{"deep": [1.50]}}', 3: '{"\\ud800":1}'}


def test_run_lone_surrogate_in_a_json_column_is_kept_as_it_was_written(local: Store) -> None:
    land(local, "a.ndjson", b'{"id": 1, "payload": {"x": "\\ud800"}}')
    pipeline = a_pipeline(local, {"id": "int64!", "payload": "json"})

    run_and_prove(pipeline)

    assert table(pipeline)["payload"].to_list() == ['{"x": "\\ud800"}']


def test_run_byte_order_mark_crlf_and_blank_lines_are_no_part_of_records(local: Store) -> None:
    local.put("landing/a.ndjson", b"\xef\xbb\xbf" + b"\r\n".join([event(1), b"", b" \t", b"oops", event(2)]))
    local.put("landing/b.ndjson", b"\n\n\r\n" + event(3))
    local.put("landing/c.ndjson", b"\xef\xbb\xbf")
    pipeline = a_pipeline(local)

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == [1, 2, 3]
    assert (batch.files, batch.records_read) == (3, 4)
    assert refused(pipeline).select("record", "raw").rows() == [(4, b"oops")]


def test_run_empty_files_leave_the_others_alone(local: Store) -> None:
    for name in ("a.ndjson", "b.ndjson.gz", "c.ndjson.zst"):
        local.put(f"landing/{name}")
    local.put("landing/d.ndjson.gz", gzip.compress(b""))
    land(local, "e.ndjson", event(1))
    pipeline = a_pipeline(local)

    (batch,) = run_and_prove(pipeline).batches

    assert (batch.files, batch.records_read, ids(pipeline)) == (5, 1, [1])


def test_run_only_empty_files_takes_them_in_once(local: Store) -> None:
    local.put("landing/a.ndjson")
    pipeline = a_pipeline(local)

    assert [batch.files for batch in run_and_prove(pipeline).batches] == [1]
    assert run_and_prove(pipeline).batches == ()


def test_run_empty_folder_has_nothing_to_do(local: Store) -> None:
    Path(local.at("landing")).mkdir()

    assert run_and_prove(a_pipeline(local)).batches == ()


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gz", "zst"])
def test_run_truncated_file_gives_its_whole_records_and_keeps_the_rest(
    local: Store, compress: object, request: pytest.FixtureRequest
) -> None:
    suffix = request.node.callspec.id
    noise = [random.Random(number).randbytes(2000).hex().encode() for number in range(99)]
    records = [b'{"id": %d, "kind": "%s"}' % (number, kind) for number, kind in enumerate(noise)]
    text = b"\n".join(records)
    assert callable(compress)
    path = local.put(f"landing/a.ndjson.{suffix}", compress(text)[:-9000])
    land(local, "b.ndjson", event(1000))
    pipeline = a_pipeline(local)

    (batch,) = run_and_prove(pipeline).batches

    whole = ids(pipeline)[:-1]
    assert ids(pipeline)[-1] == 1000
    assert whole == list(range(len(whole)))
    ((found, record, offset, raw, reason),) = (
        refused(pipeline).select("path", "record", "offset", "raw", "reason").iter_rows()
    )
    assert (found, record, reason) == (path, len(whole) + 1, "truncated_file")
    assert offset == sum(len(one) + 1 for one in records[: len(whole)])
    assert text[offset:].startswith(raw)
    assert batch.records_read == len(whole) + 2


def test_run_corrupt_gzip_quarantines_it_and_goes_on(local: Store) -> None:
    data = bytearray(gzip.compress(b"\n".join(events(0, 1000))))
    data[len(data) // 2] ^= 0xFF
    local.put("landing/a.ndjson.gz", bytes(data))
    local.put("landing/b.ndjson.gz", b"this is no gzip")
    land(local, "c.ndjson", event(5000))
    pipeline = a_pipeline(local)

    run_and_prove(pipeline)

    assert 5000 in ids(pipeline)
    assert [reason for reason, _ in reasons(pipeline)][-2:] == ["corrupt_file", "corrupt_file"]


def test_run_files_of_another_format_than_said_are_quarantined_line_by_line(local: Store) -> None:
    frame = pl.DataFrame({"id": [1, 2]})
    for name, write in (("a.ndjson", frame.write_parquet), ("b.ndjson", frame.write_csv)):
        Path(local.at("landing")).mkdir(exist_ok=True)
        write(local.at(f"landing/{name}"))
    land(local, "c.ndjson", event(1))
    pipeline = a_pipeline(local)

    (batch,) = run_and_prove(pipeline).batches

    assert ids(pipeline) == [1]
    assert batch.rows_quarantined == batch.records_read - 1
    assert set(raws(pipeline)) >= {b"id", b"1", b"2"}


def test_load_unknown_format_tells_the_known_one(tmp_path: Path) -> None:
    (tmp_path / "events.yaml").write_text(
        "name: events\nsource: {uri: landing, format: xml}\n"
        "contract: {columns: {id: int64}}\ntable: {uri: lake}\n"
    )

    with pytest.raises(SpecError, match=r"xml(.|\n)*ndjson"):
        load_pipeline(tmp_path / "events.yaml")


def test_run_line_of_50_mb_is_a_record_like_others_and_one_beyond_the_limit_is_named(local: Store) -> None:
    long, longer = b"x" * 50_000_000, b"y" * 70_000_000
    path = land(
        local, "a.ndjson", event(1), b'{"id": 2, "kind": "%s"}' % long, b'{"kind": "%s"}' % longer, event(3)
    )
    pipeline = a_pipeline(local)

    run_and_prove(pipeline)

    kinds = dict(table(pipeline).select("id", pl.col("kind").str.len_bytes()).iter_rows())
    assert kinds == {1: 5, 2: 50_000_000, 3: 5}
    assert refused(pipeline).drop("offset").rows() == [
        (1, path, 3, 70_000_012, "record_too_long", None, None, None)
    ]


def test_run_record_at_the_limit_is_taken_and_one_byte_more_is_not(local: Store) -> None:
    settings = Settings(memory_bytes=64 * 2**20, max_record_bytes=3 * 2**20, threads=2)
    fitting = b'{"id": 2, "kind": "%s"}' % (b"x" * (3 * 2**20 - 21))
    land(local, "a.ndjson", event(1), fitting, fitting + b" ", event(3))
    pipeline = a_pipeline(local)
    assert len(fitting) == settings.max_record_bytes

    run_and_prove(pipeline, settings)

    assert ids(pipeline) == [1, 2, 3]
    assert [reason for reason, _ in reasons(pipeline)] == ["record_too_long"]


LINES = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        [event(1), event(2), b"", b"\r", b"null", b'{"id": 1', b'{"id": 3, "new": [1.50]}', b"\xef\xbb\xbf"]
    ),
)
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
}


@settings(max_examples=12)
@given(
    files=st.lists(
        st.tuples(st.lists(LINES), st.sampled_from(sorted(COMPRESSED)), st.integers(0, 9)), max_size=4
    ),
    block_bytes=st.sampled_from([16, 100, 2**20]),
)
def test_run_anything_at_all_is_accounted_for(
    files: list[tuple[list[bytes], str, int]], block_bytes: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        land(store, "good.ndjson", event(1000))
        for number, (lines, suffix, cut) in enumerate(files):
            data = COMPRESSED[suffix](b"\n".join(lines))
            store.put(f"landing/{number}.ndjson{suffix}", data[: len(data) - cut])
        pipeline = a_pipeline(store, source={"max_files_per_batch": 2})

        batches = run_and_prove(pipeline, Settings(threads=2, memory_bytes=32 * block_bytes)).batches

        assert ids(pipeline)[-1] == 1000
        assert sum(one.records_read for one in batches) == table(pipeline).height + refused(pipeline).height

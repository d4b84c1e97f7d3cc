"""Open records come out of the quarantine in order, whatever a span holds; what is no record stays."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import TableError
from storage.tables.ledger.planned import OPEN_FILES_SCHEMA
from storage.tables.quarantine.commit import QuarantineCommit, QuarantineWriter
from storage.tables.quarantine.markers import marked_wrongly, marker_counts, refused_counts
from storage.tables.quarantine.recalled import RECALLED_SCHEMA, open_files, recalled_records
from storage.tables.quarantine.records import MARKER_SCHEMA, REFUSED_SCHEMA, quarantine_counts, quarantined
from tests.conftest import Store


def refused(path: str | None, *raws: bytes | None, reason: str = "malformed_json") -> pl.DataFrame:
    """Records 1, 2, … of a file."""
    numbers = range(1, len(raws) + 1)
    rows = {
        "path": [path] * len(raws), "record": [number if path else None for number in numbers],
        "length": [len(raw or b"") for raw in raws], "reason": [reason] * len(raws), "raw": list(raws),
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema_overrides=REFUSED_SCHEMA)
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in REFUSED_SCHEMA.items() if name not in rows]
    return frame.with_columns(missing)


def markers(replays: int, path: str, *records: int) -> pl.DataFrame:
    rows = [(path, record, None, replays) for record in records]
    return pl.DataFrame(rows, schema=MARKER_SCHEMA, orient="row")


def commit(
    store: Store, batch: int, *frames: pl.DataFrame, taken: pl.DataFrame | None = None, pipeline: str = "p"
) -> None:
    with QuarantineWriter(store.at("t"), pipeline, batch) as writer:
        for frame in frames:
            writer.add(frame)
        if taken is not None:
            writer.take_in(taken)
        files = writer.finish()
    QuarantineCommit(store.at("t"), pipeline, batch, files, attempt=str(batch)).commit()


def sources(store: Store, up_to: int) -> pl.DataFrame:
    return open_files(store.at("t"), "p", up_to).with_row_index("file").cast({"file": pl.Int32})


def recalled(store: Store, up_to: int, span_bytes: int = 1000) -> list[pl.DataFrame]:
    files = sources(store, up_to)
    return list(recalled_records(store.at("t"), "p", files, up_to=up_to, span_bytes=span_bytes))


def raws(store: Store, up_to: int, span_bytes: int = 1000) -> list[bytes]:
    return [raw for frame in recalled(store, up_to, span_bytes) for raw in frame["raw"]]


def test_open_files_are_sorted_and_hold_what_can_be_replayed(store: Store) -> None:
    commit(store, 1, refused("b", b"12", b"3"), refused("a", b"4", None), refused(None, b"made"))
    commit(store, 2, refused("c", b"PAR1", reason="corrupt_file"), refused("a", b"567"))
    commit(store, 1, refused("z", b"8"), pipeline="q")

    found = open_files(store.at("t"), "p", 2)

    assert found.schema == OPEN_FILES_SCHEMA
    assert found.rows() == [(1, "a", 1, 1), (1, "b", 3, 2), (2, "a", 3, 1)]
    assert open_files(store.at("t"), "p", 1)["replays"].to_list() == [1, 1]


def test_open_files_without_a_quarantine_are_none(store: Store) -> None:
    assert open_files(store.at("t"), "p", 3).is_empty()


def test_recalled_records_come_in_order_without_those_taken_in(store: Store) -> None:
    commit(store, 1, refused("b", b"b1", b"b2", b"b3"), refused("a", b"a1", b"a2"))
    commit(store, 2, refused("a", b"A1"))
    commit(store, 3, taken=markers(1, "b", 1, 3))
    commit(store, 4, taken=markers(1, "a", 1))

    (found,) = recalled(store, 3)

    assert found.schema == RECALLED_SCHEMA
    assert found.select("file", "path", "record", "replays", "raw").rows() == [
        (0, "a", 1, 1, b"a1"), (0, "a", 2, 1, b"a2"), (1, "b", 2, 1, b"b2"), (2, "a", 1, 2, b"A1"),
    ]  # fmt: skip
    assert raws(store, 4) == [b"a2", b"b2", b"A1"]


def test_recalled_records_that_are_there_twice_are_refused(store: Store) -> None:
    commit(store, 1, refused("a", b"1"), refused("a", b"1"))

    with pytest.raises(TableError, match="twice"):
        recalled(store, 1)


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.lists(st.integers(0, 40), max_size=8), min_size=1, max_size=4),
    span_bytes=st.integers(1, 100),
    data=st.data(),
)
def test_recalled_records_of_any_spans_are_all_open_ones_once(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[list[int]], span_bytes: int, data: st.DataObject
) -> None:
    store = Store(str(tmp_path_factory.mktemp("recalled")))
    files = {f"{number}": [b"x" * one for one in some] for number, some in enumerate(lengths)}
    commit(store, 1, *(refused(path, *texts) for path, texts in files.items()))
    places = [(path, number) for path, texts in files.items() for number in range(1, len(texts) + 1)]
    taken = data.draw(st.sets(st.sampled_from(places))) if places else set()
    marked = [markers(1, path, number) for path, number in sorted(taken)]
    commit(store, 2, taken=pl.concat([MARKER_SCHEMA.to_frame(), *marked]))

    frames = recalled(store, 2, span_bytes)

    found = [place for frame in frames for place in frame.select("path", "record").rows()]
    assert found == [place for place in places if place not in taken]
    for frame in frames:
        assert frame["raw"].bin.size()[:-1].sum() < span_bytes + 40


def test_markers_are_no_refused_records_and_close_them(store: Store) -> None:
    commit(store, 1, refused("a", b"1", b"2"), refused("b", b"3"))
    commit(store, 2, taken=markers(1, "a", 2))

    assert quarantined(store.at("t"), "p")["raw"].to_list() == [b"1", b"3"]
    assert quarantined(store.at("t"), "p", batch=2).is_empty()
    assert quarantine_counts(store.at("t"), "p")["records"].to_list() == [2]
    assert quarantine_counts(store.at("t"), "p", up_to=1)["records"].to_list() == [3]
    assert refused_counts(store.at("t"), "p").sort("path").rows() == [(1, "a", 2, False), (1, "b", 1, False)]
    assert marker_counts(store.at("t"), "p").rows() == [(2, 1, "a", 1, 2)]
    assert marked_wrongly(store.at("t"), "p", 1).is_empty()


def test_markers_of_no_record_or_of_one_twice_are_found(store: Store) -> None:
    commit(store, 1, refused("a", b"1", b"2"))
    commit(store, 2, taken=markers(1, "a", 1, 1, 7))
    commit(store, 3, taken=markers(1, "a", 1, 2))

    assert marked_wrongly(store.at("t"), "p", 1).rows() == [(2, "a", 1, 1), (3, "a", 0, 1)]


@pytest.mark.parametrize("span_bytes", [1, 7, 1000])
def test_recalled_records_of_small_batches_come_in_order_however_many_are_read_together(
    store: Store, span_bytes: int
) -> None:
    for batch in range(1, 6):
        commit(store, batch, refused("z" if batch % 2 else "a", b"%d" % batch), refused("m", b"%d" % -batch))

    found = pl.concat(recalled(store, 5, span_bytes))

    assert found.select("replays", "path", "raw").rows() == [
        (batch, path, b"%d" % (-batch if path == "m" else batch))
        for batch in range(1, 6)
        for path in (("m", "z") if batch % 2 else ("a", "m"))
    ]

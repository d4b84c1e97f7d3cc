"""Proposed pipelines: what they say, and that they load and fit the records they were made from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.column_syntax import format_columns
from config.errors import SpecError
from config.settings import Settings
from config.spec_file import parse_pipeline
from pipelines.errors import ProposalError
from pipelines.proposal.names import default_name, default_table
from pipelines.proposal.propose import Proposal, propose, propose_pipeline
from pipelines.proposal.sample import Sample
from storage.errors import StorageError
from tests.transforms.decoding import conform
from transforms.inference.infer import infer_columns
from transforms.steps import apply_step

KINDS = ("PushEvent", "CreateEvent", "ForkEvent", "IssuesEvent", "WatchEvent")


def events(count: int) -> list[bytes]:
    """Look-alikes of GitHub's events: an open payload of many shapes, and an organisation now and then."""
    return [json.dumps(event(number)).encode() for number in range(count)]


def event(number: int) -> dict[str, Any]:
    kind = number % len(KINDS)
    org = {"org": {"id": number, "login": "acme"}} if number % 3 == 0 else {}
    return {
        "id": str(number),
        "type": KINDS[kind],
        "actor": {"id": number, "login": f"user{number}"},
        "payload": {f"{KINDS[kind]}_{part}": part for part in range(kind + 1)},
        "public": True,
        "created_at": f"2026-01-{number % 28 + 1:02}T06:00:00Z",
        **org,
    }


def proposed(lines: list[bytes], uri: str = "landing", **options: str) -> Proposal:
    return propose(uri, Sample(infer_columns(lines), {"format": "ndjson"}), **options)


def records(*values: Any) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def test_propose_partitions_by_day_and_sorts_by_time() -> None:
    proposal = proposed(events(300))

    assert format_columns(proposal.pipeline.contract.columns) == {
        "id": "string!",
        "type": "string!",
        "actor": {"id": "int64!", "login": "string!"},
        "payload": "json!",
        "public": "bool!",
        "created_at": "timestamp[us, UTC]!",
        "org": {"id": "int64!", "login": "string!"},
    }
    assert proposal.pipeline.table.partition_by == ("event_date",)
    assert proposal.pipeline.table.sort_by == ("created_at",)


def test_propose_writes_a_file_that_loads_as_the_pipeline() -> None:
    proposal = proposed(events(50))

    assert parse_pipeline(proposal.text, file="x") == proposal.pipeline
    assert "# payload: objects of many shapes" in proposal.text
    assert "50 records" in proposal.text


def test_propose_gives_a_contract_that_all_records_fit() -> None:
    lines = events(50)

    chunk = conform(proposed(lines).pipeline, lines)

    assert (chunk.accepted.height, chunk.rejected.height) == (50, 0)
    assert chunk.accepted["_rescued"].null_count() == 50


@pytest.mark.parametrize("name", ["created_at", "@timestamp", "timestamp", "order"])
def test_propose_derives_the_day_in_sql_that_polars_runs(name: str) -> None:
    pipeline = proposed(records({name: "2026-01-02T23:00:00Z", "event_date": 1})).pipeline
    (day,) = pipeline.table.partition_by
    at = pl.Series(["2026-01-02T23:00:00Z"]).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    frame = pl.LazyFrame({name: at, "event_date": [1]})

    result = apply_step(frame, pipeline.transforms[0], "1 sql").collect()

    assert day == "event_date_"
    assert result[day].dtype == pl.Date()


def test_propose_with_several_timestamps_takes_the_time_of_the_event() -> None:
    at = "2026-01-02T00:00:00Z"

    pipeline = proposed(records({"received": at, "created_at": at, "birth": at})).pipeline

    assert pipeline.table.sort_by == ("created_at",)


def test_propose_with_too_many_days_only_sorts() -> None:
    days = pl.date_range(pl.date(2020, 1, 1), pl.date(2022, 1, 1), eager=True).dt.to_string()

    proposal = proposed(records(*({"at": f"{day}T00:00:00Z", "x": 1} for day in days)))

    assert proposal.pipeline.table.partition_by == ()
    assert proposal.pipeline.table.sort_by == ("at",)
    assert "# not partitioned: 732 days" in proposal.text


def test_propose_with_date_column_partitions_by_it() -> None:
    pipeline = proposed(records({"day": "2026-01-02", "x": 1})).pipeline

    assert (pipeline.table.partition_by, pipeline.transforms) == (("day",), ())


@pytest.mark.parametrize("record", [{"x": 1}, {"day": "2026-01-02"}, {"at": None, "x": 1}])
def test_propose_without_time_leaves_the_layout_open(record: dict[str, Any]) -> None:
    proposal = proposed(records(record))

    assert (proposal.pipeline.table.partition_by, proposal.pipeline.table.sort_by) == ((), ())
    assert "# no column had a date" in proposal.text


def test_propose_names_what_it_leaves_out_and_cannot_read() -> None:
    text = proposed([*records({"x": 1, "a b": 1, "new\nline": 2}), b"nonsense"]).text

    assert "'a b' (not a name that a column can have)" in text
    assert "'new\\nline'" in text
    assert "1 record of the sample cannot be read" in text


def test_propose_with_many_unusable_fields_names_the_first() -> None:
    text = proposed(records({"x": 1, **{f"a {n}": n for n in range(30)}})).text

    assert "and 20 more" in text


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=4), st.none() | st.text() | st.integers(), max_size=4)))
def test_propose_from_any_records_loads_or_says_why_not(values: list[dict[str, Any]]) -> None:
    try:
        proposal = proposed(records(*values))
    except ProposalError as error:
        assert error.what == "no contract can be inferred"
    else:
        assert parse_pipeline(proposal.text, file="x") == proposal.pipeline


@pytest.mark.parametrize("lines", [[], [b"nonsense"], [b"{}"], [b'{"a b": 1}']])
def test_propose_without_usable_records_says_what_it_needs(lines: list[bytes]) -> None:
    with pytest.raises(ProposalError, match="no contract can be inferred"):
        proposed(lines)


def test_propose_with_table_in_the_landing_zone_asks_for_another() -> None:
    with pytest.raises(ProposalError) as caught:
        proposed(events(1), "s3://bucket")

    assert caught.value.got == "s3://bucket/lake/bucket"
    assert "--table" in str(caught.value.next_step)


def test_propose_with_unusable_name_is_refused() -> None:
    with pytest.raises(SpecError, match="not a usable name"):
        proposed(events(1), name="a b")


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("landing", "landing"),
        ("/data/landing/", "landing"),
        ("s3://landing/github/**/*.ndjson.gz", "github"),
        ("s3://landing", "landing"),
        ("data/events_2021-07-21.ndjson.gz", "events_2021-07-21"),
        ("data/[ab]/x.ndjson", "data"),
        ("s3://b/orders.csv.bz2", "orders"),
        ("orders.parquet", "orders"),
        ("*.ndjson", "events"),
        (".", "events"),
        ("/data/2021", "events_2021"),
        ("/data/größe x", "gr_e_x"),
    ],
)
def test_default_name_is_the_last_folder_or_the_file(uri: str, name: str) -> None:
    assert default_name(uri) == name


@pytest.mark.parametrize(
    ("uri", "table"),
    [
        ("landing", "lake/x"),
        ("file:///a/b", "lake/x"),
        ("s3://bucket/landing/*.gz", "s3://bucket/lake/x"),
        ("s3://bucket", "s3://bucket/lake/x"),
    ],
)
def test_default_table_is_in_the_lake_beside(uri: str, table: str) -> None:
    assert default_table(uri, "x") == table


def test_propose_pipeline_reads_plain_and_compressed_files(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(events(3)))
    (tmp_path / "b.ndjson.gz").write_bytes(gzip.compress(b'{"more": 1}\r\n\r\n'))

    pipeline = propose_pipeline(
        str(tmp_path), Settings(), name="x", table=str(tmp_path.parent / "lake")
    ).pipeline

    assert format_columns(pipeline.contract.columns)["more"] == "int64"
    assert format_columns(pipeline.contract.columns)["id"] == "string"


def test_propose_pipeline_of_empty_folder_says_that_nothing_landed(tmp_path: Path) -> None:
    with pytest.raises(ProposalError) as caught:
        propose_pipeline(str(tmp_path), Settings())

    assert caught.value.where == str(tmp_path)


def test_propose_pipeline_of_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        propose_pipeline(str(tmp_path / "no"), Settings())


def test_propose_pipeline_with_no_uri_is_refused() -> None:
    with pytest.raises(ProposalError, match="a URI that"):
        propose_pipeline("", Settings())

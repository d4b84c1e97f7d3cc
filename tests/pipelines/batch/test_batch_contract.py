"""The contract in a batch: its modes, and every column type to the table and back."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.run import run
from storage.errors import TableSchemaError
from tests.conftest import Store
from tests.pipelines.taking_in import (
    SETTINGS,
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
from transforms.errors import RecordRefusedError


@pytest.mark.parametrize(
    ("on_mismatch", "on_new_column", "columns", "rescued", "kept_back"),
    [
        ("quarantine", "rescue", ["id", "n", "_rescued"], {1: None, 3: '{"new":[1.0]}'}, 1),
        ("quarantine", "ignore", ["id", "n"], None, 1),
        ("rescue", "rescue", ["id", "n", "_rescued"], {1: None, 2: '{"n":1.5}', 3: '{"new":[1.0]}'}, 0),
        ("rescue", "ignore", ["id", "n", "_rescued"], {1: None, 2: '{"n":1.5}', 3: None}, 0),
    ],
)
def test_run_modes_decide_what_becomes_of_what_does_not_fit(
    local: Store, on_mismatch: str, on_new_column: str, columns: list[str],
    rescued: dict[int, str | None] | None, kept_back: int,
) -> None:  # fmt: skip
    land(
        local,
        "a.ndjson",
        b'{"id": 1, "n": 7}',
        b'{"id": 2, "n": 1.5}',
        b'{"id": 3, "new":[1.0]}',
        b'{"n": 1}',
    )
    contract = {"on_mismatch": on_mismatch, "on_new_column": on_new_column}
    pipeline = a_pipeline(local, {"id": "int64!", "n": "int64"}, contract=contract)

    run_and_prove(pipeline)

    assert table(pipeline).columns == columns
    assert reasons(pipeline) == [("type_mismatch", "n")] * kept_back + [("missing_required", "id")]
    if rescued is not None:
        assert dict(table(pipeline).select("id", "_rescued").iter_rows()) == rescued


@pytest.mark.parametrize(
    ("contract", "line", "column"),
    [
        ({"on_mismatch": "fail"}, b'{"id": 2, "kind": 5}', ", column kind"),
        ({"on_mismatch": "fail"}, b'{"kind": "x"}', ", column id"),
        ({"on_new_column": "fail"}, b'{"id": 2, "new": 5}', ""),
        ({"on_new_column": "fail"}, b'{"id": 2, "actor": {"new": 5}}', ", column actor"),
    ],
)
def test_run_fail_modes_name_file_record_and_column_and_commit_nothing(
    local: Store, contract: dict[str, Any], line: bytes, column: str
) -> None:
    land(local, "a.ndjson", *events(2, 7))
    file = land(local, "b.ndjson", event(1), b"bad", b"", line, event(8))

    with pytest.raises(RecordRefusedError) as caught:
        run(a_pipeline(local, contract=contract), SETTINGS)

    assert caught.value.where == f"{file}, record 4{column}"
    run_and_prove(a_pipeline(local))


def test_run_fail_mode_still_quarantines_what_is_no_record(local: Store) -> None:
    land(local, "a.ndjson", event(1), b"bad", b"[]")
    pipeline = a_pipeline(local, contract={"on_mismatch": "fail", "on_new_column": "fail"})

    run_and_prove(pipeline)

    assert (ids(pipeline), raws(pipeline)) == ([1], [b"bad", b"[]"])


def test_run_contract_that_the_table_does_not_have_is_refused_and_nothing_is_lost(local: Store) -> None:
    land(local, "a.ndjson", event(1))
    run_and_prove(a_pipeline(local))
    land(local, "b.ndjson", event(2))

    with pytest.raises(TableSchemaError, match="kind"):
        run(a_pipeline(local, {"id": "int64!", "kind": "int64"}), SETTINGS)

    run_and_prove(a_pipeline(local))
    assert ids(a_pipeline(local)) == [1, 2]


EVERY_TYPE: dict[str, tuple[Any, str, Any]] = {
    "bool": ("bool", "true", True),
    "int8": ("int8", "-128", -128),
    "int16": ("int16", "32767", 32767),
    "int32": ("int32", "-2147483648", -(2**31)),
    "int64": ("int64", "9223372036854775807", 2**63 - 1),
    "uint8": ("uint8", "255", 255),
    "uint16": ("uint16", "65535", 65535),
    "uint32": ("uint32", "4294967295", 2**32 - 1),
    "uint64": ("uint64", "18446744073709551615", Decimal(2**64 - 1)),
    "float32": ("float32", "1.5", 1.5),
    "float64": ("float64", "-1e-300", -1e-300),
    "decimal": ("decimal(38,2)", "-123456789012345678901234567890123456.78",
                Decimal("-123456789012345678901234567890123456.78")),
    "string": ("string", '"a\\u0000\\ud83d\\ude00\\n"', "a\x00😀\n"),
    "json": ("json", '{"a": [1.0, null, "\\u0041"]}', '{"a": [1.0, null, "\\u0041"]}'),
    "date": ("date", '"1582-10-15"', date(1582, 10, 15)),
    "seconds": ("timestamp[s, UTC]", '"1969-12-31T23:59:59Z"',
                datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    "micros": ("timestamp[us, Europe/Berlin]", '"2026-07-01T12:00:00.000001+02:00"',
               datetime(2026, 7, 1, 10, 0, 0, 1, tzinfo=UTC)),
    "wall": ("timestamp[ms]", '"2026-07-01T12:00:00.001"', datetime.fromisoformat("2026-07-01T12:00:00.001")),
    "list": (["int64!"], "[1, 2]", [1, 2]),
    "lists": ([["string"]], '[[], ["a", null], null]', [[], ["a", None], None]),
    "struct": ({"a": "int64", "b": {"c": "string"}}, '{"a": 1, "b": {"c": "x"}}', {"a": 1, "b": {"c": "x"}}),
    "structs": ([{"a": "int64"}], '[{"a": 1}, {}, null]', [{"a": 1}, {"a": None}, None]),
}  # fmt: skip


def test_run_every_column_type_comes_back_as_it_was(store: Store) -> None:
    full = "{" + ", ".join(f'"{name}": {text}' for name, (_, text, _) in EVERY_TYPE.items()) + "}"
    land(store, "a.ndjson", full.encode(), b"{}")
    pipeline = a_pipeline(store, {name: kind for name, (kind, _, _) in EVERY_TYPE.items()})

    run_and_prove(pipeline)

    rows = table(pipeline).drop("_rescued").sort("int64", nulls_last=True).to_dicts()
    assert rows == [{name: value for name, (_, _, value) in EVERY_TYPE.items()}, dict.fromkeys(EVERY_TYPE)]
    assert refused(pipeline).is_empty()

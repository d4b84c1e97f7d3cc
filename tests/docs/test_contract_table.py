"""docs/contract-table.md tells what the code does; in Penstock's columns nothing is silently changed."""

from __future__ import annotations

import pytest

from tests.contract_table.generate import PAGE, here, our_outcomes, text
from tests.contract_table.outcome import Outcome
from tests.contract_table.penstock import Key
from tests.warm_reader import shared_by_batches


@pytest.fixture(scope="module")
def outcomes() -> dict[Key, Outcome]:
    with shared_by_batches():
        return our_outcomes()


def test_run_of_every_case_keeps_rescues_or_refuses_what_was_written(outcomes: dict[Key, Outcome]) -> None:
    others = {key: one for key, one in outcomes.items() if one.word not in ("kept", "rescued", "refused")}

    assert others == {}
    assert not any(one.is_silent for one in outcomes.values())


def test_run_of_every_case_does_the_same_in_every_typed_format(outcomes: dict[Key, Outcome]) -> None:
    typed = [(number, one) for (number, name), one in outcomes.items() if name in ("ipc", "avro")]

    assert [(number, one) for number, one in typed if one != outcomes[number, "parquet"]] == []


def test_contract_table_tells_what_the_code_does(outcomes: dict[Key, Outcome]) -> None:
    assert PAGE.read_text(encoding="utf-8") == text(outcomes, here()), "run make contract-table"

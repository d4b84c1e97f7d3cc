"""Which pipelines have nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.spec_file import load_pipeline
from pipelines.reports.idle import idle
from pipelines.run import run
from tests.conftest import Store

PIPELINE = """\
name: clicks
source: {{uri: "{store}/landing/"}}
contract: {{columns: {{id: int64!}}}}
table: {{uri: "{store}/lake"}}
"""


@pytest.mark.s3
def test_idle_is_a_pipeline_without_files_that_wait(
    s3: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clicks.yaml").write_text(PIPELINE.format(store=s3.uri))
    monkeypatch.setenv("PENSTOCK_PIPELINES", str(tmp_path))
    nothing_landed = idle(["clicks"])
    s3.put("landing/first.ndjson", b'{"id": 1}\n')
    waiting = idle(["clicks"])
    run(load_pipeline("clicks"))

    assert (nothing_landed, waiting, idle(["clicks"])) == (["clicks"], [], ["clicks"])


def test_idle_is_no_pipeline_that_cannot_be_looked_at() -> None:
    assert idle(["nowhere"]) == []

"""The pipeline that the benchmarks and the demo run."""

from __future__ import annotations

from pathlib import Path

import yaml

from benchmarks.pipeline_file import write_pipeline_file
from config.pipeline import Pipeline


def test_write_pipeline_file_gives_a_valid_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "events.yaml"

    write_pipeline_file(path, landing=Path("landing"), table=Path("lake") / "events")

    pipeline = Pipeline.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert (pipeline.name, pipeline.source.uri, pipeline.table.uri) == ("events", "landing", "lake/events")

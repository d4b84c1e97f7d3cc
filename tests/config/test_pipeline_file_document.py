"""docs/pipeline-file.md says what the models are."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel

from config.alerts import Alerts
from config.pipeline import Contract, Pipeline
from config.schedule import Schedule
from config.source import Csv, Source
from config.spec_file import parse_pipeline
from config.table import Layout, Table, Upkeep

TEXT = (Path(__file__).parents[2] / "docs/pipeline-file.md").read_text(encoding="utf-8")


def defaults(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    return {
        prefix + name: "required" if field.is_required() else field.default
        for name, field in model.model_fields.items()
    }


def test_document_has_every_key_once_and_no_other() -> None:
    keys = re.findall(r"^\| `([a-z_.]+)` \|", TEXT.partition("## Formats")[0], re.MULTILINE)
    inner: dict[str, type[BaseModel]] = {"table.layout": Layout, "table.upkeep": Upkeep}
    outer: dict[str, type[BaseModel]] = {"source": Source, "contract": Contract, "table": Table}
    sections: dict[str, type[BaseModel]] = {**outer, "schedule": Schedule, "alerts": Alerts, **inner}
    expected = [name for name in Pipeline.model_fields if name not in sections]
    expected += [f"{name}.{key}" for name, model in sections.items() for key in model.model_fields]

    assert sorted(keys) == sorted(key for key in expected if key not in inner)


def test_document_says_what_is_required() -> None:
    required = set(re.findall(r"^\| `([a-z_.]+)` \| required \|", TEXT, re.MULTILINE))
    parts = {**defaults(Source, "source."), **defaults(Contract, "contract."), **defaults(Table, "table.")}

    assert required == {"name"} | {key for key, value in parts.items() if value == "required"}


EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_document_gives_an_example_of_csv_that_loads() -> None:
    csv = parse_pipeline(EXAMPLES[0], file="docs/pipeline-file.md").source.csv

    assert all(getattr(csv, key) != field.default for key, field in Csv.model_fields.items())


def test_document_gives_an_example_of_columns_that_loads() -> None:
    pipeline = parse_pipeline(EXAMPLES[1], file="docs/pipeline-file.md")

    assert sorted(one.name for one in pipeline.contract.columns if one.required) == [
        "id",
        "labels",
        "owner",
        "seen",
    ]

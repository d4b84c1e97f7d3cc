"""The document of the command line says what the command line does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from pipelines.cli.app import COMMANDS, app
from tests.pipelines.cli.calling import call

DOCUMENT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## `penstock (\w+)`\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S))
COMMON = {"--json", "--verbose", "--help"}
COUNTED_BY = {"quarantined", "quarantined_by_reason", "seconds_by_stage", "unmet"}
"""Mappings whose keys are data."""
NEED_A_SERVER = {"deploy", "serve", "up", "worker"}
"""Commands whose examples are shown without the prompt, and not tried here."""


def options_of(name: str) -> set[str]:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    return {one for parameter in command.params for one in parameter.opts if one.startswith("--")} - COMMON


def examples() -> Sequence[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^\$ penstock (.*)$", DOCUMENT, re.M)]


def test_document_has_a_section_for_each_command_in_order() -> None:
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_document_names_every_option_of_a_command_and_no_other(name: str) -> None:
    assert set(re.findall(r"^\| `(--[a-z-]+)` \|", SECTIONS[name], re.M)) == options_of(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_document_has_an_example_of_each_command(name: str) -> None:
    start = "" if name in NEED_A_SERVER else r"\$ "
    assert re.search(rf"^{start}penstock {name} ", SECTIONS[name], re.M)


def test_document_examples_work_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    landing = tmp_path / "landing"
    landing.mkdir()
    records = [
        {
            "id": str(number),
            "actor": {"id": number, "login": f"user-{number}"},
            "created_at": f"2021-07-21T06:{number // 60:02}:{number % 60:02}Z",
        }
        for number in range(800)
    ]
    (landing / "events.ndjson").write_text("\n".join(map(json.dumps, records)))

    for example in examples():
        result = call(*example)
        assert (result.exit_code, result.stderr) == (0, ""), example
        assert result.stdout


@pytest.mark.parametrize("name", ["run", "status", "quarantine", "history"])
def test_document_names_the_keys_of_the_json(name: str, taken_in_document: dict[str, object]) -> None:
    documented = re.search(r"^`--json`: `(.*?)`", SECTIONS[name], re.M)
    assert documented is not None

    assert keys_in(taken_in_document[name]) <= set(re.findall(r'"(\w+)"', documented[1]))


def keys_in(value: object) -> set[str]:
    """All keys, except of mappings whose keys are data."""
    if isinstance(value, list):
        return {key for one in value for key in keys_in(one)}
    if isinstance(value, dict):
        inner = {key for name, one in value.items() if name not in COUNTED_BY for key in keys_in(one)}
        return set(value) | inner
    return set()


@pytest.fixture(scope="module")
def taken_in_document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the commands print with `--json`, by their names."""
    folder = tmp_path_factory.mktemp("taken-in")
    (folder / "landing").mkdir()
    (folder / "landing" / "a.ndjson").write_text('{"id": 1}\n[]\n')
    (folder / "events.yaml").write_text(
        f"name: events\nsource: {{uri: {folder}/landing}}\ncontract: {{columns: {{id: int64}}}}\n"
        f"table: {{uri: {folder}/lake/events}}\n"
    )
    return {
        name: json.loads(call(name, folder / "events.yaml", "--json").stdout)
        for name in ("run", "status", "quarantine", "history")
    }

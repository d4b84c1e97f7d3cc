"""The frame: help, exit statuses, errors in words and in JSON, what is imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli.app import COMMANDS
from tests.pipelines.cli.calling import ROOT, call, start

SLOW = {"prefect", "numba", "s3fs", "rich", "dask", "distributed", "honcho", "prometheus_client"}
"""What only some calls need, and all would have to wait for."""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_shows_an_example_and_the_common_options(name: str) -> None:
    result = call(name, "--help")

    assert result.exit_code == 0
    assert re.search(rf"Example:\n      penstock {name}\s", result.stdout)
    assert {"--json", "--verbose"} <= set(result.stdout.split())


def test_help_names_every_command() -> None:
    result = call("--help")

    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


def test_call_unknown_command_ends_with_two_and_says_what_was_meant(tmp_path: Path) -> None:
    process = start("stauts", cwd=tmp_path)
    output, errors = process.communicate()

    assert (process.returncode, output) == (2, "")
    assert "no such command 'stauts'; did you mean 'status'?" in errors


def test_call_with_unknown_option_and_json_tells_the_error_as_the_one_document(tmp_path: Path) -> None:
    process = start("scan", "lake/events", "--colour", "--json", cwd=tmp_path)
    output, errors = process.communicate()

    assert process.returncode == 2
    assert "--colour" in json.loads(output)["error"]["what"]
    assert "--colour" in errors


def test_fail_with_json_tells_the_error_as_the_one_document(tmp_path: Path) -> None:
    result = call("scan", tmp_path / "nothing", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["what"] == "there is no table here"
    assert "there is no table here" in result.stderr


def test_fail_over_a_name_with_control_characters_prints_none() -> None:
    result = call("run", "\x1b[2Jgone.yaml")

    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert r"\x1b[2Jgone" in result.stderr


def test_fail_over_a_setting_ends_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_MEMORY", "much")

    result = call("run", "events.yaml")

    assert result.exit_code == 2
    assert "PENSTOCK_MEMORY" in result.stderr


def test_fail_verbosely_logs_where_it_happened(tmp_path: Path) -> None:
    process = start("scan", "nothing", "-v", cwd=tmp_path)
    output, errors = process.communicate()

    assert (process.returncode, output) == (1, "")
    assert "Traceback" in errors
    assert "open_version" in errors


def test_print_to_a_reader_that_went_away_ends_quietly(taken_in_spec: Path) -> None:
    process = start("scan", taken_in_spec, "--json", cwd=taken_in_spec.parent)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait() == 0


def test_print_in_a_locale_without_unicode_is_utf_8(tmp_path: Path) -> None:
    (tmp_path / "events.yaml").write_text("name: grün", encoding="utf-8")
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    process = start("run", "events.yaml", "--json", cwd=tmp_path, env=locale, encoding="utf-8")
    output, errors = process.communicate()

    assert "'grün'" in errors
    assert "'grün'" in [problem.get("got") for problem in json.loads(output)["error"]["problems"]]


def test_import_of_all_commands_brings_neither_prefect_nor_numba() -> None:
    program = f"""
import importlib, sys
for name in {list(COMMANDS)}:
    importlib.import_module(f"pipelines.cli.{{name}}_command")
    if found := {SLOW} & set(sys.modules):
        sys.exit(f"{{name}} brings {{found}}")
"""

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_import_of_the_frame_brings_nothing_that_reads_data() -> None:
    program = (
        "import sys, pipelines.cli; print({'polars', 'pyarrow', 'deltalake', 'numpy'} & set(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)

    assert found.stdout == b"set()\n"


def test_import_step_from_the_current_folder_hides_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "storage.py").write_text("raise ImportError('the wrong one')")

    process = start("history", "nothing", cwd=tmp_path)
    _, errors = process.communicate()

    assert process.returncode == 1
    assert "there is no table here" in errors

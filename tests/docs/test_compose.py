"""docker-compose.yml, Dockerfile and .env.example agree with each other and with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pipelines.cli.app import COMMANDS, app
from tests.compose import ROOT, TEXT, VARIABLE, argv, example, services

EXAMPLE = example()
SERVICES = services({name: value or "x" for name, value in EXAMPLE.items()})
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_compose_file_follows_the_specification() -> None:
    checker = Path(sys.executable).parent / "check-jsonschema"

    ran = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout


def test_compose_file_uses_every_variable_of_the_example_and_no_other() -> None:
    assert {name for name, _, _ in VARIABLE.findall(TEXT)} == set(EXAMPLE)


def test_compose_file_has_no_value_for_what_is_secret_and_the_defaults_of_the_example_for_the_rest() -> None:
    for name, kind, default in VARIABLE.findall(TEXT):
        assert (kind, default) == (("-", EXAMPLE[name]) if EXAMPLE[name] else ("?", "see .env.example")), name


@pytest.mark.parametrize("name", [name for name, one in SERVICES.items() if "build" in one])
def test_compose_commands_of_our_image_are_there_with_their_options(name: str) -> None:
    program, command, *rest = argv(SERVICES[name])
    options = {word for word in rest if word.startswith("--")}
    if program == "penstock":
        assert command in COMMANDS
        found = app.get_command(click.Context(app), command)
        assert found is not None
        assert options <= {one for parameter in found.params for one in parameter.opts}
    else:
        help_text = subprocess.run(
            [sys.executable, "-m", program, command, rest[0], "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert options <= set(re.findall(r"--[a-z-]+", help_text))


def test_compose_store_has_only_options_that_weed_knows_in_the_version_of_the_wheel() -> None:
    weed = Path(sys.executable).parent / "weed"
    known = subprocess.run([weed, "mini", "-h"], capture_output=True, text=True, check=False)
    options = {word.partition("=")[0] for word in argv(SERVICES["store"])[3:]}

    assert options <= set(re.findall(r"^  (-[\w.]+)", known.stderr + known.stdout, re.MULTILINE))
    assert SERVICES["store"]["image"].rpartition(":")[2] in (ROOT / "pyproject.toml").read_text()


def test_compose_publishes_ports_on_loopback_only() -> None:
    published = [port for one in SERVICES.values() for port in one.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_compose_images_are_pinned_and_long_running_parts_have_health_checks() -> None:
    assert all(re.search(r":\d+\.\d+", one["image"]) for one in SERVICES.values())
    without = {name for name, one in SERVICES.items() if "healthcheck" not in one}

    assert without == {"deploy", "worker"}  # Prefect's UI tells of a worker


def test_compose_waits_for_parts_that_are_there() -> None:
    waits = {wanted: how for one in SERVICES.values() for wanted, how in one.get("depends_on", {}).items()}

    assert set(waits) <= set(SERVICES)
    assert waits["deploy"] == {"condition": "service_completed_successfully"}


def test_dockerfile_copies_every_folder_of_the_distribution_and_the_ignore_file_lets_them_through() -> None:
    packages = re.search(r"^packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages is not None
    folders = re.findall(r'"(\w+)"', packages[1])
    let_through = (ROOT / ".dockerignore").read_text()

    assert all(f"COPY {one} {one}\n" in DOCKERFILE and f"!{one}\n" in let_through for one in folders)
    assert re.findall(r"^FROM python:3\.11\.\d+-slim-bookworm", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER penstock") < DOCKERFILE.index("ENTRYPOINT")

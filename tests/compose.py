"""docker-compose.yml, with its variables filled in as Docker does it, and its parts for this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def services(values: Mapping[str, str]) -> dict[str, Any]:
    """The services; a KeyError names a variable that must have a value and has none."""

    def fill(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return values.get(name) or default if kind == "-" else values[name]

    found: dict[str, Any] = yaml.safe_load(VARIABLE.sub(fill, TEXT))["services"]
    return found


def argv(service: Mapping[str, Any]) -> list[str]:
    """What the container runs: of our image, `penstock` where nothing else is said."""
    return [*service.get("entrypoint", ["penstock"]), *service.get("command", [])]


def moved(text: str, ports: Mapping[str, int], folders: Mapping[str, Path]) -> str:
    """An argument or a value as it is on this machine: loopback, free ports, folders that are there."""
    text = re.sub(r"//(?:store|prefect)(?=:(?:8333|4200)\b)", "//127.0.0.1", text)
    text = re.sub(r"(?<=@)postgres(?=:)|(?<=-ip=)store|0\.0\.0\.0", "127.0.0.1", text)
    for there, here in folders.items():
        text = re.sub(rf"(?<![\w/]){re.escape(there)}\b", str(here), text)
    return re.sub("|".join(rf"\b{port}\b" for port in ports), lambda match: str(ports[match[0]]), text)


def example() -> dict[str, str]:
    """The variables of .env.example; empty where a user has to give a value."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

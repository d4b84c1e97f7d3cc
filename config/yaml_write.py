"""Plain values to YAML text that `config/yaml_read` reads back equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from config.yaml_read import read_plain


class Inline(dict[str, Any]):
    """A mapping that is written on one line."""


def write_yaml(value: Mapping[str, Any]) -> str:
    """The text of `value`: keys in their order, one a line; lists of scalars and `Inline`s take one line."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if not text.replace("\n", "").isprintable():
        return '"'  # with escapes: unescaped, some of these characters would be read as line ends
    if "\n" in text:
        return "|"
    return None if isinstance(read_plain(text), str) else "'"


def _write_list(dumper: yaml.SafeDumper, values: list[object] | tuple[object, ...]) -> yaml.Node:
    leaves = all(isinstance(one, str | int | float | None) for one in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=leaves)


def _write_mapping(dumper: yaml.SafeDumper, mapping: Mapping[str, object]) -> yaml.Node:
    inline = isinstance(mapping, Inline) or not mapping
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=inline)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(list, _write_list)
_Dumper.add_representer(tuple, _write_list)
_Dumper.add_representer(dict, _write_mapping)
_Dumper.add_representer(Inline, _write_mapping)

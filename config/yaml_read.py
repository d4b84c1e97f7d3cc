"""YAML text to plain values, with the line and column of every key.

Plain scalars mean what they mean in JSON and in the YAML 1.2 core schema: `no`, `on` and `12:30` are text.
Keys are text always. Refused besides syntax errors: duplicate keys, tags, anchors and aliases (a spec
is read from top to bottom, and a small file stays small in memory).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from config.errors import InvalidValueError
from config.findings import Finding, KeyPath

Position = tuple[int, int]
"""Line and column, both from 1."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.I)
_CONSTANTS: Final[dict[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class YamlSyntaxError(InvalidValueError):
    """The text is no YAML, or has more of it than a spec may; `position` tells where."""

    def __init__(self, what: str, position: Position, next_step: str | None = None) -> None:
        super().__init__(what, next_step=next_step)
        self.position = position


@dataclass(frozen=True, slots=True)
class Document:
    """The value of a YAML text, where its keys stand, and the keys that stand there twice."""

    value: object
    root: yaml.Node | None
    findings: tuple[Finding, ...]

    def position(self, path: KeyPath) -> Position:
        """Where the last key or list element of `path` that is there begins."""
        node = mark = self.root
        for part in path:
            step = _step(node, part)
            if step is None:
                break
            mark, node = step
        return (1, 1) if mark is None else _position(mark.start_mark)


def read_yaml(text: str) -> Document:
    """What `text` holds.

    Raises:
        YamlSyntaxError: It cannot be read.
    """
    try:
        root = _Loader(text).get_single_node()
        findings: list[Finding] = []
        return Document(_value(root, (), findings), root, tuple(findings))
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text) from error
    except yaml.reader.ReaderError as error:
        what, position = "a character that YAML does not allow", _position_of(text, error.position)
        raise YamlSyntaxError(what, position) from error
    except RecursionError as error:
        raise YamlSyntaxError("nested too deep", (1, 1)) from error


def read_plain(text: str) -> object:
    """What a plain scalar, one without quotes, means."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


class _Loader(yaml.SafeLoader):
    """Composes nodes only. Not the C parser, which a deeply nested text could crash."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- `read_plain` decides instead

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._refuse("anchors and aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            raise self._refuse("tags are not allowed; the ! of a required column stands after its type")
        return super().compose_node(parent, index)

    def _refuse(self, what: str) -> yaml.MarkedYAMLError:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=what, problem_mark=event.start_mark)  # type: ignore[arg-type]


def _value(node: yaml.Node | None, path: KeyPath, findings: list[Finding]) -> object:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, findings)
    if isinstance(node, yaml.SequenceNode):
        return [_value(one, (*path, position), findings) for position, one in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else read_plain(node.value)
    return None


def _mapping(node: yaml.MappingNode, path: KeyPath, findings: list[Finding]) -> dict[str, object]:
    mapping: dict[str, object] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        line, column = _position(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlSyntaxError("a key that is not text", (line, column))
        here = (*path, key.value)
        if key.value in mapping:
            where = f"in lines {lines[key.value]} and {line}"
            findings.append(
                (here, InvalidValueError("a key that is there twice", got=f"{key.value!r} {where}"))
            )
            continue
        lines[key.value] = line
        mapping[key.value] = _value(value, here, findings)
    return mapping


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that marks `part` of `node` (its key, or the element itself), and its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _position(mark: yaml.Mark) -> Position:
    return mark.line + 1, mark.column + 1


def _position_of(text: str, offset: int) -> Position:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def _syntax_error(error: yaml.MarkedYAMLError, text: str) -> YamlSyntaxError:
    mark = error.problem_mark or error.context_mark
    position = _position(mark) if mark else (1, 1)
    what = ": ".join(part for part in ("not usable as YAML", error.context, error.problem) if part)
    line = "".join(text.split("\n")[position[0] - 1 : position[0]])
    quote = 'inside { } and [ ], put it in quotes: "timestamp[us, UTC]"' if "timestamp[" in line else None
    return YamlSyntaxError(what, position, quote)

"""Comments in YAML text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Final

from config.findings import KeyPath
from config.yaml_read import read_yaml

_WIDTH: Final = 100


def comment_yaml(text: str, comments: Mapping[KeyPath, str]) -> str:
    """`text` with each comment, of one or more lines, wrapped and above the line of its key."""
    document = read_yaml(text)
    above: dict[int, list[str]] = {}
    for path, comment in comments.items():
        above.setdefault(document.position(path)[0], []).append(comment)
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        indent = " " * (len(line) - len(line.lstrip(" ")))
        lines += [one for comment in above.get(number, ()) for one in _wrapped(comment, indent)]
        lines.append(line)
    return "\n".join(lines) + "\n"


def _wrapped(comment: str, indent: str) -> list[str]:
    lines: list[str] = []
    for line in comment.split("\n"):
        # Other line ends, which names in the data may have, would end the comment.
        safe = line if line.isprintable() else ascii(line)
        lines += textwrap.wrap(safe, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
    return lines

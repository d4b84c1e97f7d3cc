"""Which names below a folder a landing zone takes in, the same for every store."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.errors import UnsupportedLocationError

_WILDCARD = re.compile(r"[*?\[]")
_PIECES = re.compile(r"\[(?:!\][^\]]*|![^\]]+|\][^\]]*|[^!\]][^\]]*)\]|.", re.DOTALL)
_ANY = {"*": "[^/]*", "?": "[^/]"}
_HIDDEN = (".", "_")
_UNFINISHED = (".tmp", ".part", "._COPYING_")


@dataclass(frozen=True, slots=True)
class LandingPattern:
    """A folder, and which of the files below it are meant.

    Attributes:
        base: The folder, without a slash at the end; what stands before the first part with a wildcard.
        stem: What every name below `base` starts with; empty where that is not known.
        deepest: How many levels below `base` the files may lie; None for any number.
        expression: Matches the names below `base`; None for all of them.
    """

    base: str
    stem: str = ""
    deepest: int | None = None
    expression: re.Pattern[str] | None = None

    def takes(self, name: str) -> bool:
        """Whether `name`, relative to `base` with `/` between folders, is meant."""
        if any(is_unfinished(part) for part in name.split("/")):
            return False
        return self.expression is None or self.expression.fullmatch(name) is not None


def parse_pattern(path: str) -> LandingPattern:
    """The pattern of a path with or without wildcards.

    `*` and `?` stand for any characters and any one character of a name, `[…]` for one of a set (`[!…]`: not
    of it), `**` between slashes for any number of folders, none included. `[*]` stands for an asterisk.

    Raises:
        UnsupportedLocationError: `**` is only a part of a name.
    """
    parts = path.split("/")
    first = next((index for index, part in enumerate(parts) if _WILDCARD.search(part)), None)
    if first is None:
        return LandingPattern(path.rstrip("/") or path[:1])
    pattern = parts[first:]
    if any("**" in part and part != "**" for part in pattern):
        raise UnsupportedLocationError(
            "** is a part of a name",
            where=path,
            expected="** alone between slashes, for any number of folders",
            next_step="write **/*.json for all files of any depth, or *.json for those of one folder",
        )
    return LandingPattern(
        "/".join(parts[:first]) or path[:1].strip("*?["),
        _WILDCARD.split(pattern[0])[0],
        None if "**" in pattern else len(pattern),
        _compiled(pattern, path),
    )


def is_unfinished(name: str) -> bool:
    """Whether a name is one that writers and tools give to what nobody else should read."""
    return name.startswith(_HIDDEN) or name.endswith(_UNFINISHED)


def _compiled(parts: list[str], path: str) -> re.Pattern[str]:
    *folders, last = parts
    steps = ["(?:[^/]+/)*" if part == "**" else f"{_translated(part)}/" for part in folders]
    steps.append(".*" if last == "**" else _translated(last))
    try:
        return re.compile("".join(steps), re.DOTALL)
    except re.error as exc:
        raise UnsupportedLocationError(
            "a set of characters that makes no sense", where=path, got=exc, expected="[abc], [a-z] or [!abc]"
        ) from exc


def _translated(part: str) -> str:
    return "".join(_translated_piece(piece) for piece in _PIECES.findall(part))


def _translated_piece(piece: str) -> str:
    if piece in _ANY:
        return _ANY[piece]
    if len(piece) == 1:
        return re.escape(piece)
    negated = piece[1] == "!"
    members = re.sub(r"([\\\[\]^&~|])", r"\\\1", piece[2 if negated else 1 : -1])
    return f"[{'^/' if negated else ''}{members}]"

"""The errors of every layer have one base, and those of `config/` are told here.

    PenstockError                base of all: what, where, got, expected, next step; retryable or final
    ├── InvalidValueError        one value that cannot be read (a ValueError too); knows no file
    ├── SpecError                a pipeline file is wrong; holds every problem found in it
    └── SettingsError            an environment variable or the settings file is wrong

The other layers derive theirs from `PenstockError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


class PenstockError(Exception):
    """Something went wrong that a person must be able to act upon.

    Args:
        what: One sentence in plain words.
        where: A file with line and column, a key path, a URI, a batch.
        got: The offending value, shortened by the caller where it may be long.
        expected: What is allowed there.
        next_step: What to do about it.
    """

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later although nobody changed anything."""

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        expected: object = None,
        next_step: object = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = _text(where)
        self.got = _text(got)
        self.expected = _text(expected)
        self.next_step = _text(next_step)

    def as_dict(self) -> dict[str, str]:
        """The parts that are known, by name, in reading order; for `--json` and for logs."""
        parts = {
            "what": self.what,
            "where": self.where,
            "got": self.got,
            "expected": self.expected,
            "next_step": self.next_step,
        }
        return {name: text for name, text in parts.items() if text is not None}

    def __str__(self) -> str:
        return render(self.as_dict())


class InvalidValueError(PenstockError, ValueError):
    """A value that cannot be read; whoever knows the file and the key says where it stood."""


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """One thing that is wrong in a pipeline file.

    Attributes:
        where: `file:line:column, key path`; line and column count from 1.
        key: The dotted key path alone, such as `contract.columns.actor.id`; empty for the whole file.
    """

    what: str
    where: str
    key: str = ""
    got: str | None = None
    expected: str | None = None
    next_step: str | None = None

    def as_dict(self) -> dict[str, str]:
        """The parts that are known, by name, in reading order."""
        names = ("what", "where", "key", "got", "expected", "next_step")
        return {name: text for name in names if (text := getattr(self, name))}


class SpecError(PenstockError):
    """A pipeline file cannot be used; `problems` lists everything found wrong in it at once."""

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        got: object = None,
        expected: object = None,
        next_step: object = None,
        problems: Sequence[SpecProblem] = (),
    ) -> None:
        super().__init__(what, where=where, got=got, expected=expected, next_step=next_step)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, problems: Sequence[SpecProblem], *, file: str) -> SpecError:
        """One error for all problems of `file`; with a single problem its parts are the error's."""
        if len(problems) != 1:
            return cls(f"{len(problems)} problems in the pipeline file", where=file, problems=problems)
        one = problems[0]
        return cls(
            one.what,
            where=one.where,
            got=one.got,
            expected=one.expected,
            next_step=one.next_step,
            problems=problems,
        )

    def __str__(self) -> str:
        if len(self.problems) < 2:
            return super().__str__()
        parts = [{k: v for k, v in one.as_dict().items() if k != "key"} for one in self.problems]
        return "\n".join([super().__str__(), *map(render, parts)])


class SettingsError(PenstockError):
    """A setting cannot be used; `where` names the environment variable, or the settings file and its key."""


def render(parts: dict[str, str]) -> str:
    """The sentence `what`, and under it one line for each other part."""
    rest = (f"  {name.replace('_', ' ')}: {text}" for name, text in parts.items() if name != "what")
    return "\n".join([parts["what"], *rest])


def did_you_mean(got: str, allowed: Iterable[str]) -> str | None:
    """`did you mean 'x'?` for the closest of `allowed`, or None where none is close."""
    by_folded = {one.casefold(): one for one in allowed}
    close = difflib.get_close_matches(got.casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {by_folded[close[0]]!r}?" if close else None


def _text(part: object) -> str | None:
    return None if part is None else str(part)

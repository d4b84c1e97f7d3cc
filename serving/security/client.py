"""Who asks, and what they may."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from serving.security.limits import Limits

ALL: Final = ("*",)


@dataclass(frozen=True)
class Client:
    """Somebody who may ask.

    Attributes:
        name: As the access file has it; empty where nobody needs to say who they are.
        read: Names of the tables that the client may read; `*` stands for any characters.
        push: Names of the pipelines that it may push to, the same.
        limits: What it may take.
    """

    name: str
    read: tuple[str, ...] = ()
    push: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def may_read(self, table: str) -> bool:
        """Whether it may read the table; a table that it may not read is none for it."""
        return _fits(table, self.read)

    def may_push(self, pipeline: str) -> bool:
        """Whether it may push to the pipeline."""
        return _fits(pipeline, self.push)


ANYBODY: Final = Client("", read=ALL, limits=Limits(statements_at_once=64))
"""Who asks where there is no access file, on the loopback address alone: reads all, pushes nothing."""


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)

"""An undo that is killed: `python -m tests.pipelines.dying_undo SPEC POINT BATCH`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`, in the order in which an undo passes them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines import undo
from storage.tables.ledger.planning import plan_undo
from storage.tables.quarantine.commit import QuarantineCommit
from storage.tables.replacing.replacement import commit_replacement
from tests.pipelines.dying_run import die

POINTS = ("checked", "planned", "marker written", "marked", "reversed", "committed")


def before(function: Callable[..., Any], point: str) -> Callable[..., Any]:
    """Dies instead of calling `function`, where this is its point."""

    def call(*arguments: Any, **options: Any) -> Any:
        if sys.argv[2] == point:
            die()
        return function(*arguments, **options)

    return call


def after(function: Callable[..., Any], point: str) -> Callable[..., Any]:
    """Calls `function`, and dies then where this is its point."""

    def call(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if sys.argv[2] == point:
            die()
        return result

    return call


def main() -> None:
    """Undoes a batch, and dies."""
    vars(undo).update(
        plan_undo=after(before(plan_undo, "checked"), "planned"),
        mark=after(undo.mark, "marked"),
        commit_replacement=after(before(commit_replacement, "reversed"), "committed"),
    )
    QuarantineCommit.commit = before(QuarantineCommit.commit, "marker written")  # type: ignore[method-assign]
    undo.undo(Pipeline.model_validate_json(sys.argv[1]), int(sys.argv[3]), Settings(threads=2))


if __name__ == "__main__":
    main()

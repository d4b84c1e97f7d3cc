"""A rebuild that is killed: `python -m tests.pipelines.dying_rebuild SPEC POINT`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`, in the order in which a rebuild passes them.
"""

from __future__ import annotations

import sys

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.backfill import rebuild, rebuilt_commit, rebuilt_files
from storage.layout.uploads import Uploads
from storage.tables.ledger.planning import plan_rebuild
from storage.tables.merging.merge import merged_alone
from storage.tables.rebuilding import commit
from storage.tables.replacing.replacement import commit_replacement
from tests.pipelines.dying_run import die
from tests.pipelines.dying_undo import after, before

POINTS = (
    "checked",
    "planned",
    "written",
    "marked",
    "all written",
    "refused committed",
    "merging",
    "swapping",
    "committed",
)


def merging(*arguments: object) -> object:
    """Dies where rows with keys have been settled and written again."""
    if sys.argv[2] == "merging":
        setattr(Uploads, "keep", lambda *_: die())  # noqa: B010 - mypy would have it a method
    return merged_alone(*arguments)  # type: ignore[arg-type]


def main() -> None:
    """Rebuilds a table, and dies."""
    vars(rebuild).update(plan_rebuild=after(before(plan_rebuild, "checked"), "planned"))
    vars(rebuilt_files).update(
        _marked=after(before(rebuilt_files._marked, "written"), "marked"),
        write_rebuild=after(rebuilt_files.write_rebuild, "all written"),
    )
    vars(rebuilt_commit).update(commit_rebuild=before(commit.commit_rebuild, "refused committed"))
    vars(commit).update(
        merged_alone=merging,
        commit_replacement=after(before(commit_replacement, "swapping"), "committed"),
    )
    rebuild.rebuild(Pipeline.model_validate_json(sys.argv[1]), Settings(threads=2))


if __name__ == "__main__":
    main()

"""A run that is killed while its table evolves: `python -m tests.pipelines.dying_evolution SPEC POINT`.

SPEC is the JSON of a pipeline. POINT is one of `POINTS`.
"""

from __future__ import annotations

import sys

from deltalake import DeltaTable

from config.pipeline import Pipeline
from config.settings import Settings
from pipelines.growth import Growth
from pipelines.run import run
from tests.pipelines.dying_run import die

POINTS = ("columns added", "before files are added")
"""After new fields became columns; and before the first commit with files, of rows or written again."""


def main() -> None:
    """Runs, and dies."""
    spec, point = sys.argv[1:]
    grow = Growth.grow

    def grow_and_die(self: Growth) -> bool:
        if grow(self):
            die()
        return False

    if point == "columns added":
        Growth.grow = grow_and_die  # type: ignore[method-assign]
    else:
        DeltaTable.create_write_transaction = lambda *_, **__: die()  # type: ignore[method-assign]
    run(Pipeline.model_validate_json(spec), Settings(threads=2))


if __name__ == "__main__":
    main()

"""Tries one target with one seed: `python -m tests.fuzz.one_round TARGET SEED`.

Prints the executions as its last line; exits with 1 where something was found, after what was found.
A round of one seed is the same every time.
"""

from __future__ import annotations

import sys
import traceback

import hypothesis

from tests.fuzz.targets import TARGETS, Target


def executions(target: Target, seed: int) -> tuple[int, BaseException | None]:
    """How often the target was tried, and what was found, shrunk to a small example."""
    count, last = 0, object()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=target.examples,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(target.strategy)
    def tried(example: object) -> None:
        nonlocal count, last
        count, last = count + 1, example
        target.check(example)

    try:
        tried()
    except BaseException as found:  # noqa: BLE001 (a panic of Polars is no Exception; all is reported)
        found.add_note(f"the last example: {last!r}")
        return count, found
    return count, None


def main() -> None:
    name, seed = sys.argv[1], int(sys.argv[2])
    count, found = executions(TARGETS[name], seed)
    if found is not None:
        traceback.print_exception(found, file=sys.stdout)
    print(count)
    sys.exit(found is not None)


if __name__ == "__main__":
    main()

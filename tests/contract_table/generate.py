"""Writes docs/contract-table.md anew: `make contract-table`.

Spark runs in an environment of its own, and what it did is kept beside this file; all others run every time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.contract_table import foreign, penstock
from tests.contract_table.foreign import Findings
from tests.contract_table.landing import landed
from tests.contract_table.outcome import Outcome, outcome_of
from tests.contract_table.page import page
from tests.contract_table.penstock import Key

PAGE = foreign.ROOT / "docs" / "contract-table.md"
SPARK = Path(__file__).with_name("spark.json")


def our_outcomes() -> dict[Key, Outcome]:
    """What Penstock does with every case, from whole runs."""
    with tempfile.TemporaryDirectory() as folder:
        results = penstock.results(Path(folder))
    return {(one.number, one.format): outcome_of(one, results[one.number, one.format]) for one in landed()}


def findings(engine: str, python: Path) -> Findings:
    """What another engine does with every case."""
    with tempfile.TemporaryDirectory() as folder:
        return foreign.findings(python, engine, Path(folder))


def here() -> dict[str, Findings]:
    """The engines of this environment, and what Spark did."""
    ours = Path(sys.executable)
    engines = {name: findings(name.lower(), ours) for name in ("Polars", "DuckDB", "PyArrow")}
    return {**engines, "Spark": foreign.load(SPARK)}


def text(ours: Mapping[Key, Outcome], others: Mapping[str, Findings]) -> str:
    """The page of these outcomes."""
    return page({key: str(one) for key, one in ours.items()}, others)


def main() -> None:
    """Writes the page, and before it what Spark does, where the command line names its interpreter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spark", type=Path, metavar="PYTHON", help="the interpreter of Spark's environment")
    options = parser.parse_args()
    if options.spark:
        foreign.save(findings("spark", options.spark.absolute()), SPARK)
    PAGE.write_text(text(our_outcomes(), here()), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(foreign.ROOT)}")  # noqa: T201 (the result of this script)


if __name__ == "__main__":
    main()

"""The command line, one command a file; `penstock COMMAND --help` shows each with an example."""

from pipelines.cli.polars_memory import hold_little

hold_little()  # before any command imports Polars

from pipelines.cli.app import main  # noqa: E402 (the order is the point)

__all__ = ["main"]

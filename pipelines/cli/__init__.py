"""The command line, one command a file; `penstock COMMAND --help` shows each with an example."""

from pipelines.cli.allocator import use_few_arenas

use_few_arenas()  # before any command imports Polars

from pipelines.cli.app import main  # noqa: E402 (the order is the point)

__all__ = ["main"]

"""The command line, one command a file; `penstock COMMAND --help` shows each with an example."""

from pipelines.cli.app import main

__all__ = ["main"]

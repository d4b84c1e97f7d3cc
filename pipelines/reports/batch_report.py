"""A batch summary as Markdown, for the people who look at a run."""

from __future__ import annotations

from dataclasses import asdict

from config.pipeline import Pipeline
from pipelines.run import BatchSummary

_LONGEST_TEXT = 500


def batch_report(pipeline: Pipeline, summary: BatchSummary) -> str:
    """A heading, the table's URI, and a row for each number, named as `penstock run --json` names it."""
    numbers = {name: one for name, one in asdict(summary).items() if isinstance(one, int | float)}
    rows = [f"| {escape(name)} | {_shown(value)} |" for name, value in numbers.items()]
    title = f"## {escape(pipeline.name)}, batch {summary.batch}"
    return "\n".join([title, "", escape(pipeline.table.uri), "", "| | |", "|---|---:|", *rows, ""])


def escape(text: str) -> str:
    """Any text as Markdown that shows it and does nothing.

    Each sign that could mean something is an HTML entity, what cannot be printed its escape sequence, and
    what is beyond 500 characters an ellipsis.
    """
    shown = text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
    printable = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in shown
    )
    return "".join(
        one if one.isalnum() or one == " " or not one.isascii() else f"&#{ord(one)};" for one in printable
    )


def _shown(value: float) -> str:
    return f"{value:,}"

"""Tables for people, on standard output."""

from __future__ import annotations

from collections.abc import Sequence

import click


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns side by side; those whose cells are all numbers go to the right, the others to the left."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    for i, row in enumerate([header, *rows]):
        cells = [_pad(cell, widths[k], right[k]) for k, cell in enumerate(row)]
        click.echo(click.style("  ".join(cells).rstrip(), bold=i == 0))


def whole(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell in ("", "-")

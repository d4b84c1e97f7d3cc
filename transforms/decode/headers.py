"""The record that names the cells of those behind it."""

from __future__ import annotations

import csv
from collections.abc import Collection

from config.text_form import TextForm


def names_of(form: TextForm) -> list[str]:
    """The names in the header of `form`, which must have one; as they are, no space taken off.

    Raises:
        ValueError: It is not one record of cells in UTF-8.
    """
    if form.header is None:
        raise ValueError("there is no header")
    try:
        (names,) = csv.reader(
            [form.header.decode()], delimiter=form.delimiter, quotechar=form.quote, strict=True
        )
    except csv.Error as error:
        raise ValueError("not a record of cells") from error
    return names


def is_header(form: TextForm, columns: Collection[str]) -> bool:
    """Whether the header of `form` names at least one of `columns`, and nothing twice."""
    try:
        names = names_of(form)
    except ValueError:
        return False
    return len(set(names)) == len(names) and not set(names).isdisjoint(columns)

"""The record that names the cells of those behind it."""

from __future__ import annotations

import csv

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


def is_header(form: TextForm) -> bool:
    """Whether the header of `form` can be read, and names nothing twice.

    What the contract says of it is no matter here: how many records a file has must not depend on that.
    """
    try:
        names = names_of(form)
    except ValueError:
        return False
    return len(set(names)) == len(names)

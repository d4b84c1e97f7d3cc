"""How records lie in a text: what must be known to tell one from the next, and to read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TextKind = Literal["ndjson", "json", "csv"]


@dataclass(frozen=True, slots=True)
class TextForm:
    """The form of a stretch of text.

    Attributes:
        kind: `ndjson`: a record a line. `json`: values with white space and commas between them. `csv`:
            records of cells, which end at a newline outside of quotes.
        delimiter: One ASCII character, between cells.
        quote: One ASCII character, around cells.
        header: The record that names the cells, as it came, without its line ending; None where the cells
            are the columns of the contract in their order.
    """

    kind: TextKind = "ndjson"
    delimiter: str = ","
    quote: str = '"'
    header: bytes | None = None


LINES = TextForm()

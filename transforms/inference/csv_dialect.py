"""How the cells of CSV files are written, as far as a sample tells."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Final

from transforms.inference.csv_cells import Cell, read_rows

DELIMITERS: Final = (",", "\t", ";", "|")
_MOST_ROWS: Final = 200
"""Of each file, to tell delimiters apart."""

_BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_QUOTED: Final = {
    quote: re.compile(
        rf"(?:^|[,;\t|]){quote}(?:[^{quote}]|{quote}{quote})*+{quote}(?=[,;\t|\r\n]|\Z)", re.MULTILINE
    )
    for quote in "\"'"
}
_RARE: Final = "'`^~"
# Numbers with any signs in them, dates and times: text that no one writes a delimiter into.
_MEASURE: Final = re.compile(r"[-+$€£]?[0-9][0-9.,:/TZ+ %eE-]*|")


def sniff_encoding(heads: Sequence[bytes]) -> str:
    """The encoding of most of `heads`, the beginnings of files, that are not plain ASCII."""
    found = Counter(_encoding(head) for head in heads if not head.isascii())
    return found.most_common(1)[0][0] if found else "utf-8"


def decode_head(head: bytes, encoding: str) -> str | None:
    """The text of the beginning of a file; None where it is in another encoding."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError:
        return None
    return text.removeprefix("\ufeff")


def sniff_dialect(texts: Sequence[str], usual: str) -> tuple[str, str, bool]:
    """(delimiter, quote, whether the delimiter is certain) of files that begin with `texts`.

    The delimiter is the one that cuts rows into the same number of cells, and cells that look like one value
    each; `usual` is taken where no delimiter does.
    """
    quote = _quote(texts)
    order = (usual, *(one for one in DELIMITERS if one != usual))
    scores = {delimiter: _score(texts, delimiter, quote) for delimiter in order}
    best = max(order, key=scores.__getitem__)
    return (best, quote, True) if scores[best] > 0 else (usual, quote, False)


def _encoding(head: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding
    return next(one for one in ("utf-8", "cp1252", "latin-1") if decode_head(head, one) is not None)


def _quote(texts: Sequence[str]) -> str:
    double, single = (sum(len(found.findall(text)) for text in texts) for found in _QUOTED.values())
    if single > double:
        return "'"
    if double or not any('"' in text for text in texts):
        return '"'
    # Text like 5" is no cell in quotes: something else must be the quote for it to be read.
    return next((one for one in _RARE if not any(one in text for text in texts)), '"')


def _score(texts: Sequence[str], delimiter: str, quote: str) -> float:
    """From 0, where rows have one cell or many numbers of them, to 1."""
    files = [list(islice(read_rows(text, delimiter, quote), _MOST_ROWS)) for text in texts]
    rows = [row for file in files for row in file]
    widths = Counter(len(row) for row in rows if row)
    if not widths:
        return 0
    width, count = widths.most_common(1)[0]
    if width == 1:
        return 0
    cells = [cell for row in rows if row and len(row) == width for cell in row]
    whole = sum(_is_whole(cell, delimiter) for cell in cells)
    # A header has no delimiters within its cells: where it is cut otherwise, something is wrong.
    heads = sum(len(file[0] or ()) == width for file in files if file) / len(files)
    return (count / len(rows)) ** 2 * (1 + heads) / 2 * whole / len(cells)


def _is_whole(cell: Cell, delimiter: str) -> bool:
    """Whether nothing in the cell looks like another delimiter."""
    if cell.quoted or _MEASURE.fullmatch(cell.text):
        return True
    return not any(other in cell.text for other in DELIMITERS if other != delimiter)

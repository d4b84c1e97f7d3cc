"""Which format a landed file is written in, by its name, or by its contents where that does not tell."""

from __future__ import annotations

from itertools import islice
from typing import Final, Literal

from config.formats import COMPRESSIONS, SUFFIXES, TYPED, Format, delimiter_of, format_of
from pipelines.proposal.heads import Head
from transforms.inference.csv_dialect import decode_head, sniff_dialect, sniff_encoding
from transforms.inference.json_documents import split_document
from transforms.inference.json_text import parse_object

Family = Literal["json", "csv", "typed"]
"""Formats whose files can be looked at together."""

_SPACE: Final = b" \t\r\n"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_MOST_LINES: Final = 10
_LOOK_BYTES: Final = 64 * 1024
_MAGIC: Final[dict[bytes, Format]] = {
    b"PAR1": "parquet",
    b"ARROW1": "ipc",
    b"\xff\xff\xff\xff": "ipc",
    b"Obj\x01": "avro",
}


def family_of(kind: str) -> Family:
    """The family of a format, or of what a suffix tells of it."""
    return "typed" if kind in TYPED else "csv" if kind == "csv" else "json"


def is_named(path: str) -> bool:
    """Whether the suffix of a file tells its format."""
    name = path.lower()
    for suffix in COMPRESSIONS:
        name = name.removesuffix(suffix)
    return name.endswith(SUFFIXES)


def format_of_head(head: Head) -> Format:
    """The format that the file is in; ndjson where nothing tells."""
    named = format_of(head.path)
    if named != "json or ndjson" and is_named(head.path):
        return named
    start = head.data.removeprefix(_BYTE_ORDER_MARK)
    if magic := next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None):
        return magic
    start = start.lstrip(_SPACE)
    if start.startswith(b"["):
        return "json"
    if start.startswith(b"{"):
        return "json" if _is_document(start) else "ndjson"
    return "ndjson" if named == "json or ndjson" or not _is_csv(head) else "csv"


def is_spread(head: Head) -> bool:
    """Whether the file holds objects over several lines: no suffix says so, only a declared format."""
    start = head.data.removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE)
    return start.startswith(b"{") and _is_document(start)


def is_default(path: str, kind: Format) -> bool:
    """Whether a file in this format is read right where nothing is declared."""
    named = format_of(path)
    return named == kind or (named == "json or ndjson" and family_of(kind) == "json")


def _is_document(start: bytes) -> bool:
    """Whether no line is an object, but text over several lines is."""
    if any(parse_object(line) is not None for line in islice(start.split(b"\n"), _MOST_LINES)):
        return False
    values = split_document(start[:_LOOK_BYTES], whole=False)
    return parse_object(next(values, b"")) is not None


def _is_csv(head: Head) -> bool:
    data = head.data[:_LOOK_BYTES]
    text = decode_head(data, sniff_encoding([data])) or ""
    _, _, clear = sniff_dialect([text], delimiter_of(head.path))
    return clear

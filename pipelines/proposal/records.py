"""The records of JSON in what was read of a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from config.formats import Format
from pipelines.proposal.heads import Head
from transforms.inference.json_documents import split_document

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r"


def records_of(head: Head, kind: Format, most: int) -> list[bytes]:
    """Up to `most` records, half of them from the beginning where stretches from further inside are there."""
    data = head.data.removeprefix(_BYTE_ORDER_MARK)
    if kind == "json":
        return list(islice(split_document(data, whole=head.whole), most))
    share = max(most // 2 // max(len(head.stretches), 1), 1)
    inner = [record for part in head.stretches for record in _thinned(list(_lines(part, "inside")), share)]
    return [*islice(_lines(data, "whole" if head.whole else "beginning"), most - len(inner)), *inner]


def _thinned(records: list[bytes], most: int) -> list[bytes]:
    """At most so many of them, evenly spread."""
    count = min(len(records), most)
    return [records[number * len(records) // count] for number in range(count)]


def _lines(data: bytes, part: str) -> Iterator[bytes]:
    """The lines that are whole, without their ends; none that are blank."""
    start = data.find(b"\n") + 1 if part == "inside" else 0
    end = len(data) if part == "whole" else data.rfind(b"\n") + 1
    for line in data[start:end].split(b"\n"):
        if record := line.strip(_SPACE):
            yield record

"""What tests of framings share: files of text as records, however they are cut into blocks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from config.text_form import TextForm
from storage.reading.blocks import Block, Damage, read_blocks
from storage.reading.framing import Framing, LineFraming
from transforms.decode.framing import CellFraming, DocumentFraming, DocumentOrLines
from transforms.decode.lines import split


def document(_path: str) -> Framing:
    return DocumentFraming()


def document_or_lines(_path: str) -> Framing:
    return DocumentOrLines(LineFraming())


def cells(delimiter: str = ",", quote: str = '"', *, header: bool = True) -> Callable[[str], Framing]:
    """Of CSV files."""
    form = TextForm("csv", delimiter, quote, b"" if header else None)
    return lambda _path: CellFraming(form)


@dataclass
class Read:
    """One file: offset and bytes of each record, the damages, and where its first record may begin."""

    records: list[tuple[int, bytes]] = field(default_factory=list)
    damages: list[Damage] = field(default_factory=list)
    forms: set[TextForm] = field(default_factory=set)

    @property
    def texts(self) -> list[bytes]:
        """The records."""
        return [text for _, text in self.records]


def read_texts(
    contents: Sequence[bytes],
    framing: Callable[[str], Framing],
    *,
    block_bytes: int = 1 << 16,
    max_record_bytes: int = 1 << 20,
    encoding: str = "utf-8",
) -> list[Read]:
    """What becomes of these files."""
    found = [Read() for _ in contents]
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{position}" for position in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            Path(path).write_bytes(content)
        items = read_blocks(
            paths,
            [len(content) for content in contents],
            block_bytes=block_bytes,
            max_record_bytes=max_record_bytes,
            framing=framing,
            encoding=lambda _path: encoding,
        )
        for item in items:
            if isinstance(item, Damage):
                found[item.file].damages.append(item)
            else:
                _add(found, item)
    return found


def read_text(content: bytes, framing: Callable[[str], Framing], **options: int | str) -> Read:
    """What becomes of one file."""
    return read_texts([content], framing, **options)[0]  # type: ignore[arg-type]


def _add(found: list[Read], block: Block) -> None:
    starts = np.array([segment.start for segment in block.segments], np.int64)
    lines = split(block.data, block.size, starts, block.form)
    begins, ends = lines.spans(block.data, np.arange(len(lines.parts)))
    for part, begin, end in zip(lines.parts, begins, ends, strict=True):
        segment = block.segments[part]
        text = block.data[begin:end].tobytes()
        found[segment.file].records.append((int(begin - segment.start + segment.offset), text))
        found[segment.file].forms.add(block.form)

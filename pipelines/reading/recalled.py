"""Records out of the quarantine as the decoder takes them: text, and where each record of it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from config.source import Source
from config.text_form import TextForm
from storage.tables.quarantine.records import MARKER_SCHEMA
from transforms.decode.lines import Lines
from transforms.decode.typed.schema_text import schema_in

_PADDING_BYTES = 64
_NEWLINE = ord("\n")


@dataclass(frozen=True, slots=True, eq=False)
class Recalled:
    """Some records of a batch that replays, in the order of file and record, all of one form.

    form: their own, except that lines of JSON may be values of a document too; of copies of rows, which have
        none, the schema of their file.
    data: the records, each ended by a newline; then zeros.
    size: bytes of them.
    lines: where each record is. A part is the records of one file; lines count from its first record here.
    files: for each part, the position of its file in the batch.
    before: for each part, the records of the file before the first one here, taken out or not.
    places: a row a record, as MARKER_SCHEMA has it.
    """

    form: TextForm | pa.Schema
    data: NDArray[np.uint8]
    size: int
    lines: Lines
    files: NDArray[np.int32]
    before: NDArray[np.int64]
    places: pl.DataFrame

    def without(self, offsets: NDArray[np.int64]) -> pl.DataFrame:
        """The places of all records but those that begin at `offsets` of the data, each of which is one."""
        left = np.ones(self.places.height, np.bool_)
        left[np.searchsorted(self.lines.offsets, offsets)] = False
        return self.places.filter(pl.Series(left))


def recalled(source: Source, records: pl.DataFrame) -> Iterator[Recalled]:
    """The same records; those of files of one form, which are neighbours, together.

    Args:
        records: Rows of RECALLED_SCHEMA, sorted by file and record.
    """
    known = records.select("path", "header").unique(maintain_order=True)
    forms = [_form(source, path, header) for path, header in known.iter_rows()]  # row objects allowed: files
    numbers = {form: number for number, form in enumerate(dict.fromkeys(forms))}
    known = known.with_columns(form=pl.Series([numbers[form] for form in forms], dtype=pl.Int32))
    joined = records.join(known, on=["path", "header"], nulls_equal=True, maintain_order="left")
    runs = joined.with_columns(run=pl.col("form").rle_id())
    for run in runs.partition_by("run", maintain_order=True):
        yield _recalled(list(numbers)[run["form"][0]], run)


def _form(source: Source, path: str, header: str | None) -> TextForm | pa.Schema:
    if (schema := schema_in(header)) is not None:
        return schema
    form = source.form_of(path)
    if form.kind == "csv":
        return replace(form, header=None if header is None else header.encode())
    return TextForm("json")


def _recalled(form: TextForm | pa.Schema, records: pl.DataFrame) -> Recalled:
    data, offsets = _text(records["raw"])
    files, numbers = records["file"].to_numpy(), records["record"].to_numpy()
    begins = np.flatnonzero(np.diff(files, prepend=-1))
    parts = np.repeat(np.arange(len(begins), dtype=np.int32), np.diff(begins, append=len(files)))
    lines = (numbers - numbers[begins][parts]).astype(np.int32)
    return Recalled(
        form=form,
        data=data,
        size=int(offsets[-1]),
        lines=Lines(offsets, parts, lines, np.zeros(len(begins), np.int64), offsets[1:] - 1),
        files=files[begins],
        before=numbers[begins] - 1,
        places=records.select(MARKER_SCHEMA.names()),
    )


def _text(raw: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All bytes with a newline behind each record, and where each one begins; at last where the text ends."""
    array = raw.rechunk().to_arrow().cast(pa.large_binary())
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    values = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    begins = offsets - offsets[0] + np.arange(len(offsets))
    data = np.zeros(begins[-1] + _PADDING_BYTES, np.uint8)
    is_text = np.ones(begins[-1], np.bool_)
    is_text[begins[1:] - 1] = False
    data[: begins[-1]][is_text] = values
    data[begins[1:] - 1] = _NEWLINE
    return data, begins

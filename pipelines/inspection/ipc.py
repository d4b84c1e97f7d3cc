"""An Arrow IPC file or stream: its batches as they lie in the file, which is mapped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pyarrow as pa

from pipelines.inspection.document import Inspection, memory_document
from pipelines.inspection.parquet import fields_of
from storage.buffers.memory import memory
from storage.buffers.sizes import Memory
from storage.buffers.spans import Seen
from storage.reading.typed.mapped import Mapped

_MAGIC = b"ARROW1"


def inspect_ipc(file: Mapped) -> Generator[str, None, Inspection]:
    """Gives the document in the end, and the names of the steps on the way.

    Raises:
        pa.ArrowException: The file is damaged.
    """
    is_file = file.data[: len(_MAGIC)].to_pybytes() == _MAGIC
    source = pa.BufferReader(file.data)
    reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    found, seen, rows, batches = Memory(()), Seen(), 0, 0
    for batch in _file(reader) if is_file else reader:
        batch.validate()
        found += memory(batch, seen)
        seen.forget()  # what was compressed is gone, and mapped buffers do not come again
        rows, batches = rows + batch.num_rows, batches + 1
        del batch
        file.let_go()
        yield "batch"
    return Inspection(
        path="",
        format="Arrow IPC file" if is_file else "Arrow IPC stream",
        bytes=file.data.size,
        rows=rows,
        facts={"record batches": str(batches)},
        schema=fields_of(reader.schema),
        row_groups=None,
        chunks_of="",
        chunks=[],
        ranges=[],
        memory=memory_document(
            found, f"all {batches} record batches" if batches != 1 else "the record batch"
        ),
    )


def _file(reader: Any) -> Iterator[Any]:
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)

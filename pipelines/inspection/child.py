"""The process that looks at an untrusted file: `python -m pipelines.inspection.child REQUEST`.

REQUEST is a `Request` as JSON. The document, or the damage, goes to standard output as JSON. It knows no
credentials, and opens no file: the descriptor is inherited.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pipelines.inspection.document import Inspection
from pipelines.inspection.ipc import inspect_ipc
from pipelines.inspection.parquet import inspect_parquet
from pipelines.inspection.text import inspect_text
from storage.reading.typed.child import OUT_OF_MEMORY
from storage.reading.typed.failure import UnreadableError, told
from storage.reading.typed.limits import TimeLimit, be_spared, memory_not_counted
from storage.reading.typed.mapped import Mapped, mapped

_STEP_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Request:
    """What to look at.

    Attributes:
        descriptor: Of the file, or of whole lines of its beginning.
        delimiter: Of CSV.
        is_whole: Whether the descriptor has all of the file.
        memory_bytes: What may be taken beyond what the process takes by itself.
    """

    descriptor: int
    format: Literal["parquet", "ipc", "ndjson", "csv"]
    delimiter: str
    is_whole: bool
    memory_bytes: int

    def encoded(self) -> str:
        """As the argument of the process."""
        return json.dumps(asdict(self))


def main() -> None:
    """Looks at one file."""
    request = Request(**json.loads(sys.argv[1]))  # row objects allowed: a request
    be_spared()
    with memory_not_counted(request.memory_bytes):
        pass  # from here on
    try:
        with mapped(request.descriptor) as file, told():
            document: Any = _in_time(_steps(request, file))
    except UnreadableError as error:
        document = {"damage": error.damage, "detail": str(error)[:500]}
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    json.dump(document, sys.stdout)
    sys.stdout.flush()
    # At once: a thread of Arrow that still lets go of the file's bytes needs Python, and aborts if that ends.
    os._exit(0)


def _steps(request: Request, file: Mapped) -> Generator[str, None, Inspection]:
    if request.format == "parquet":
        return inspect_parquet(file)
    if request.format == "ipc":
        return inspect_ipc(file)
    return inspect_text(file, request.format, request.delimiter, is_whole=request.is_whole)


def _in_time(steps: Generator[str, None, Inspection]) -> Inspection:
    """What `steps` give in the end; a step that takes too long ends the process."""
    found: list[Inspection] = []

    def each() -> Iterator[str]:
        found.append((yield from steps))

    parent = os.getppid()
    for _ in TimeLimit(_STEP_SECONDS).each(each()):
        if os.getppid() != parent:  # killed: nobody waits for the answer
            os._exit(1)
    return found[0]


if __name__ == "__main__":
    main()

"""The generated events with some spoiled: `python -m benchmarks.bad_events GOOD FOLDER PER_MILLE`.

Where the folder is there already, it is taken as it is. Every n-th record gets one fault, of these in turns;
one of them, an unknown field, is no reason to refuse the record, and is rescued. Prints the bytes as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

FAULTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line[: len(line) // 2],  # cut off
    lambda line: line.replace(b'"id":"', b'"id":1,"was":"', 1),  # a number for text
    lambda line: line.replace(b'"actor":{"id":', b'"actor":{"id":1.5,"was":', 1),  # a fraction, nested
    lambda line: line.replace(b'"created_at":"', b'"created_at":"on ', 1),  # no time stamp
    lambda line: line.replace(b'"type":', b'"kind":', 1),  # a required field under another name
    lambda line: line.replace(b'"tags":', b'"surprise":{"deep":[1]},"tags":', 1),  # an unknown field
    lambda line: line.replace(b'"login":"', b'"login":"\xff', 1),  # not UTF-8
)


def spoiled(lines: Iterable[bytes], every: int) -> Iterator[bytes]:
    """The lines, one of each `every` with a fault."""
    for number, line in enumerate(lines):
        if number % every == every // 2:
            fault = FAULTS[number // every % len(FAULTS)]
            yield fault(line.rstrip(b"\n")) + b"\n"
        else:
            yield line


def main() -> None:
    """Writes the folder, whole or not at all."""
    good, folder, per_mille = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    if not folder.exists():
        unfinished = folder.with_name(folder.name + ".unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        for path in sorted(good.iterdir()):
            with path.open("rb") as lines, (unfinished / path.name).open("wb") as out:
                out.writelines(spoiled(lines, 1000 // per_mille))
        unfinished.rename(folder)
    print(json.dumps({"bytes": sum(path.stat().st_size for path in folder.iterdir())}))


if __name__ == "__main__":
    main()

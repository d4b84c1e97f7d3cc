"""What became of a group: the files that it wrote, and its counts. Small, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pipelines.tally import FileCounts
from pipelines.written_batch import WrittenBatch
from storage.layout.data_file import DataFile


@dataclass(frozen=True)
class Part:
    """One attempt at a group; the files of other attempts at it are in nobody's list, and so in no commit.

    Attributes:
        files: Of rows; `refused`: of refused records. Relative to their tables.
        counts: For each file of the group, in order.
        steps: Rows behind each step, `accepted` first; `unstorable` and `reasons` as in `WrittenBatch`.
        grows: Whether records have fields that may become columns of the table: then nothing was written.
    """

    files: tuple[DataFile, ...]
    refused: tuple[DataFile, ...]
    counts: FileCounts
    steps: Mapping[str, int]
    unstorable: int
    reasons: Mapping[str, int]
    grows: bool = False

    @classmethod
    def of(cls, written: WrittenBatch | None) -> Self:
        """What is told of a group; None where it saw new fields."""
        if written is None:
            return cls((), (), FileCounts((), (), (), (), {}), {}, 0, {}, grows=True)
        return cls(
            written.files,
            written.refused,
            written.counts,
            dict(written.steps),
            written.unstorable,
            dict(written.reasons),
        )

    def as_json(self) -> str:
        """Text that `from_json` reads back equal."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """See `as_json`."""
        told: dict[str, Any] = json.loads(text)  # row objects allowed: one entry a file
        counts = {name: _tuple(value) for name, value in told["counts"].items()}
        files, refused = (tuple(DataFile(**one) for one in told[name]) for name in ("files", "refused"))
        return cls(**told | {"files": files, "refused": refused, "counts": FileCounts(**counts)})


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

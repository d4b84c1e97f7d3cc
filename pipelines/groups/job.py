"""What a process must be told to write a group: names, numbers and a list of files. Small, and JSON.

The pipeline goes along as its specification, so that all groups of a batch are written under the very same
one. So do those limits that decide which records are refused. Memory, threads and credentials are matters of
the process that writes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import polars as pl

from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import dump_pipeline, parse_pipeline
from storage.filesystem import is_remote, local_path
from storage.tables.ledger.planned import FILES, LEDGER_SCHEMA

_COLUMNS = tuple(name for name in FILES if name != "modified")


@dataclass(frozen=True)
class Limits:
    """What decides beside the pipeline which records are refused; as in `Settings`."""

    max_record_bytes: int
    max_unpacked_bytes: int
    max_nesting: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of `settings`."""
        return cls(settings.max_record_bytes, settings.max_unpacked_bytes, settings.max_nesting)

    def within(self, settings: Settings) -> Settings:
        """`settings` with these limits, and with memory for the longest record."""
        memory = max(settings.memory_bytes, self.max_record_bytes)
        return replace(settings, memory_bytes=memory, **asdict(self))


@dataclass(frozen=True)
class Job:
    """A group to be written.

    Attributes:
        spec: The pipeline as YAML, with the columns that the table remembers, and an absolute table URI.
        batch: Its number.
        group: Its own place among the groups of the batch, from 0.
        files: Columns as in a plan of the ledger, but for the time of the last change.
        limits: Of the process that commits.
        table_version: Of the table, where records may bring new columns; else None.
    """

    spec: str
    batch: int
    group: int
    files: pl.DataFrame
    limits: Limits
    table_version: int | None

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline to write under."""
        return parse_pipeline(self.spec, file=f"the pipeline of batch {self.batch}")

    def as_json(self) -> str:
        """Text that `from_json` reads back equal."""
        files = self.files.select(_COLUMNS).to_dict(as_series=False)
        told = {name: value for name, value in vars(self).items() if name not in ("files", "limits")}
        return json.dumps(told | {"files": files, "limits": asdict(self.limits)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """See `as_json`."""
        told: dict[str, Any] = json.loads(text)  # row objects allowed: one entry a file
        schema = {name: LEDGER_SCHEMA[name] for name in _COLUMNS}
        files = pl.DataFrame(told.pop("files"), schema=schema)
        return cls(files=files, limits=Limits(**told.pop("limits")), **told)


def spec_of(pipeline: Pipeline) -> str:
    """The pipeline as text; its table is in the same place wherever the process that reads it runs."""
    table = pipeline.table
    if not is_remote(table.uri):
        table = table.model_copy(update={"uri": local_path(table.uri)})
    return dump_pipeline(pipeline.model_copy(update={"table": table}))

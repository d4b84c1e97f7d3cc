"""The tables that are served: those of the pipelines folder, by the names of their pipelines."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from config.errors import SpecError
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import list_pipelines, load_pipeline
from serving.errors import UnknownTableError
from storage.errors import NotFoundError
from storage.skipping.reader import TableReader, read_table
from storage.tables.log.files import has_version

_TRUSTED_S: Final = 60.0
"""How long a table is asked for the next version alone, before its log is listed anew."""


@dataclass(frozen=True)
class _Opened:
    reader: TableReader
    at_s: float


class Catalog:
    """Names to tables; no path of a client's ever gets here.

    Safe to be used by several threads. Pipeline files are read anew for each request, logs as far as they
    have changed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: dict[str, _Opened] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The names of all pipelines, sorted; those that cannot be read are left out."""
        return sorted(path.stem for path in list_pipelines(self._settings))

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name.

        Raises:
            UnknownTableError: There is none, or its file is wrong.
        """
        if name not in self.names():
            raise unknown_table(name)
        try:
            return load_pipeline(name, self._settings)
        except SpecError as error:
            raise unknown_table(name) from error

    def open(self, name: str, version: int | None = None, at: datetime | None = None) -> TableReader:
        """The table at its newest version, or at the one asked for.

        Raises:
            UnknownTableError: There is no such table, or no such version.
            StorageError: It is there and cannot be read.
        """
        uri = self.pipeline(name).table.uri
        try:
            if version is None and at is None:
                return self._newest(uri)
            return read_table(uri, version, at)
        except NotFoundError as error:
            raise unknown_table(name, version if at is None else at) from error

    def _newest(self, uri: str) -> TableReader:
        with self._lock:
            opened = self._opened.get(uri)
        if opened is not None and not self._is_outdated(uri, opened):
            return opened.reader
        reader = read_table(uri)
        with self._lock:
            self._opened[uri] = _Opened(reader, time.monotonic())
        return reader

    def _is_outdated(self, uri: str, opened: _Opened) -> bool:
        old = time.monotonic() - opened.at_s > _TRUSTED_S
        return old or has_version(uri, opened.reader.version + 1)


def unknown_table(name: str, version: object = None) -> UnknownTableError:
    """What a client is told of a table that it cannot have."""
    return UnknownTableError(
        "there is no such table" if version is None else "there is no such version of the table",
        got=name if version is None else f"{name} at {version}",
        expected="the name of a table that GetTables lists",
    )

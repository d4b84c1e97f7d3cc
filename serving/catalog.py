"""The tables that are served: those of the pipelines folder, by the names of their pipelines."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from config.errors import SpecError
from config.pipeline import Pipeline
from config.settings import Settings
from config.spec_file import list_pipelines, load_pipeline
from serving.errors import UnknownTableError, UnservedTableError
from storage.errors import NotFoundError
from storage.skipping.cache import Cache
from storage.skipping.confined import is_confined
from storage.skipping.reader import TableReader, read_table
from storage.tables.log.files import has_version, mark_of

_KEPT: Final = 16
"""Versions of tables that were used last: the answer to a plan needs not to read the log again."""


_State = tuple[Path, int, int, int]
"""Of a file: where it is, its inode, when it was changed (ns), its size."""


@dataclass(frozen=True)
class _Opened:
    reader: TableReader
    mark: str | None


class Catalog:
    """Names to tables; no path of a client's ever gets here.

    Safe to be used by several threads. Pipeline files and logs are read as far as they have changed.

    Attributes:
        cache: What was read of the files of all tables.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.cache = Cache(settings.cache_bytes)
        self._pipelines: dict[str, tuple[_State, Pipeline]] = {}
        self._newest: dict[str, _Opened] = {}
        self._kept: OrderedDict[tuple[str, int, str], TableReader] = OrderedDict()
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The names of all pipelines, sorted; those that cannot be read are left out."""
        return sorted(self._files())

    def _files(self) -> dict[str, Path]:
        return {path.stem: path for path in reversed(list_pipelines(self._settings))}

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline of that name.

        Raises:
            UnknownTableError: There is none, or its file is wrong.
        """
        file = self._files().get(name)
        if file is None:
            raise unknown_table(name)
        try:
            found = file.stat()
            state = (file, found.st_ino, found.st_mtime_ns, found.st_size)
            kept = self._pipelines.get(name)
            if kept is None or kept[0] != state:
                kept = self._pipelines[name] = state, load_pipeline(file)
        except (SpecError, OSError) as error:
            raise unknown_table(name) from error
        return kept[1]

    def open(self, name: str, version: int | None = None, at: datetime | None = None) -> TableReader:
        """The table at its newest version, or at the one asked for.

        Raises:
            UnknownTableError: There is no such table, or no such version.
            StorageError: It is there and cannot be read.
        """
        uri = self.pipeline(name).table.uri
        try:
            if at is not None:
                return self._keep(uri, read_table(uri, at=at))
            newest = self._open_newest(uri)
            if version is None or version == newest.version:
                return newest
            return self._found(uri, version, _id(newest)) or self._keep(uri, read_table(uri, version))
        except NotFoundError as error:
            raise unknown_table(name, version if at is None else at) from error

    def open_pinned(self, name: str, version: int, table: str) -> TableReader | None:
        """A version of the table of that id, as it was opened before; None where there is another table now.

        Raises:
            UnknownTableError: There is none, or no such version any more.
            StorageError: It is there and cannot be read.
        """
        uri = self.pipeline(name).table.uri
        if found := self._found(uri, version, table):
            return found
        reader = self.open(name, version)
        return reader if _id(reader) == table else None

    def _open_newest(self, uri: str) -> TableReader:
        with self._lock:
            opened = self._newest.get(uri)
        if opened is not None and _is_newest(uri, opened):
            return self._keep(uri, opened.reader)
        reader = read_table(uri)
        with self._lock:
            self._newest[uri] = _Opened(reader, mark_of(uri, reader.version))
        return self._keep(uri, reader)

    def _keep(self, uri: str, reader: TableReader) -> TableReader:
        key = uri, reader.version, _id(reader)
        if key not in self._kept:
            _check_served(reader)
        with self._lock:
            self._kept[key] = reader
            self._kept.move_to_end(key)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return reader

    def _found(self, uri: str, version: int, table: str) -> TableReader | None:
        with self._lock:
            return self._kept.get((uri, version, table))


def _id(reader: TableReader) -> str:
    return str(reader.table.metadata().id)


def _is_newest(uri: str, opened: _Opened) -> bool:
    """Whether it is, and of the same table: one may have been made anew at its place."""
    version = opened.reader.version
    return not has_version(uri, version + 1) and mark_of(uri, version) == opened.mark is not None


def _check_served(reader: TableReader) -> None:
    """Nothing, where the rows of the table are those of its files, and these are in its folder.

    Raises:
        UnservedTableError: They are not: other readers would follow the log wherever it leads.
    """
    if not is_confined(reader.uri, reader.files()["path"]):
        raise UnservedTableError(
            "the table is not served: its log names files outside of its folder",
            next_step="tell the operator: nothing that Penstock writes does so",
        )
    if not reader.is_plain():
        raise UnservedTableError(
            "the table is not served: it uses features that change how its files are read",
            expected="a table without deletion vectors and column mapping",
        )


def unknown_table(name: str, version: object = None) -> UnknownTableError:
    """What a client is told of a table that it cannot have."""
    return UnknownTableError(
        "there is no such table" if version is None else "there is no such version of the table",
        got=name if version is None else f"{name} at {version}",
        expected="the name of a table that GetTables lists",
    )

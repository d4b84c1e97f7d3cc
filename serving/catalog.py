"""The tables that are served: those of the pipelines folder, by the names of their pipelines."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

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


class Opened(NamedTuple):
    """A version of a table.

    Attributes:
        reader: It.
        identity: Tells it from a version of the same number of another table, or of another history of this
            one: it may be restored from a copy, and go on from there.
    """

    reader: TableReader
    identity: str


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
        self._newest: dict[str, Opened] = {}
        self._kept: OrderedDict[tuple[str, int], Opened] = OrderedDict()
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

    def open(self, name: str, version: int | None = None, at: datetime | None = None) -> Opened:
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
            if version is None or version == newest.reader.version:
                return newest
            return self._found(uri, version) or self._keep(uri, read_table(uri, version))
        except NotFoundError as error:
            raise unknown_table(name, version if at is None else at) from error

    def open_pinned(self, name: str, version: int, identity: str) -> Opened | None:
        """A version as it was opened before; None where there is another one of this number now.

        Raises:
            UnknownTableError: There is none, or no such version any more.
            StorageError: It is there and cannot be read.
        """
        opened = self._found(self.pipeline(name).table.uri, version) or self.open(name, version)
        return opened if opened.identity == identity else None

    def _open_newest(self, uri: str) -> Opened:
        with self._lock:
            opened = self._newest.get(uri)
        if opened is not None:
            version = opened.reader.version
            if _identity(uri, opened.reader) != opened.identity:
                self._forget(uri)
            elif not has_version(uri, version + 1):
                return opened
        opened = self._keep(uri, read_table(uri))
        with self._lock:
            self._newest[uri] = opened
        return opened

    def _keep(self, uri: str, reader: TableReader) -> Opened:
        _check_served(reader)
        opened = Opened(reader, _identity(uri, reader))
        with self._lock:
            self._kept[uri, reader.version] = opened
            self._kept.move_to_end((uri, reader.version))
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return opened

    def _found(self, uri: str, version: int) -> Opened | None:
        with self._lock:
            return self._kept.get((uri, version))

    def _forget(self, uri: str) -> None:
        """All versions: the table was made anew, or restored from a copy."""
        with self._lock:
            self._newest.pop(uri, None)
            for key in [key for key in self._kept if key[0] == uri]:
                del self._kept[key]


def _identity(uri: str, reader: TableReader) -> str:
    """Nothing that tells of the store: clients see it in their tickets."""
    told = f"{reader.table.metadata().id} {mark_of(uri, reader.version)}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


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
    if version is not None:
        return UnknownTableError(
            "there is no such version of the table",
            got=f"{name} at {version}",
            expected="a version that its log still has",
            next_step="penstock history tells the versions",
        )
    return UnknownTableError(
        "there is no such table", got=name, expected="the name of a table that GetTables lists"
    )

"""All pipelines of the pipelines folder, looked at when somebody asks, a few at the same time."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final

from config.errors import PenstockError
from config.settings import Settings
from config.spec_file import list_pipelines, load_pipeline
from pipelines.metrics.observed import Observation, Observer
from pipelines.metrics.tables import FollowedTable

_FRESH_S: Final = 5.0
"""How long what was found is told again: two who scrape cost as much as one."""
_LISTED_S: Final = 15.0
_PATIENCE_S: Final = 8.0
"""Prometheus gives up after 10 seconds, unless it is told otherwise."""
_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


class Watch:
    """Whoever asks gets what is known after 8 seconds at the latest; a slow store holds up its own pipelines.

    Args:
        settings: Tell the pipelines folder, which is read again each time: files come, change and go.
        fresh_s: Seconds in which nothing is looked at twice.
        listed_s: Seconds in which no landing zone is listed twice, unless its ledger has changed.
        patience_s: Seconds that an answer may take; None for as many as it takes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        fresh_s: float = _FRESH_S,
        listed_s: float = _LISTED_S,
        patience_s: float | None = _PATIENCE_S,
    ) -> None:
        self._settings, self._listed_s = settings, listed_s
        self._fresh_s, self._patience_s = fresh_s, patience_s
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="metrics")
        self._asking = Lock()
        self._tables: dict[str, FollowedTable] = {}
        self._watched: dict[Path, _Watched] = {}

    def observations(self) -> list[Observation]:
        """One for each pipeline that was looked at so far, by name; two files with one name are an error."""
        with self._asking:
            watched = self._follow_folder()
            looks = [look for one in watched if (look := one.look(self._pool, self._fresh_s))]
        wait(looks, timeout=self._patience_s)
        found: dict[str, Observation] = {}
        for one in watched:
            if (latest := one.latest) is not None:
                name = latest.pipeline if latest.pipeline not in found else one.file.stem
                found.setdefault(name, latest if name == latest.pipeline else one.failed("the name is taken"))
        return [found[name] for name in sorted(found)]

    def close(self) -> None:
        """Begins nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _new(self, file: Path) -> _Watched:
        return _Watched(file, self._settings, self._tables, self._listed_s)

    def _follow_folder(self) -> list[_Watched]:
        files = list_pipelines(self._settings)
        self._watched = {file: self._watched.get(file) or self._new(file) for file in files}
        used = {one.table_uri for one in self._watched.values()}
        for uri in list(self._tables):  # a copy: looks that go on add tables
            if uri not in used:
                self._tables.pop(uri, None)
        return list(self._watched.values())


class _Watched:
    """One pipeline file.

    Attributes:
        latest: What was found when it was last looked at; None before that.
        table_uri: Of the pipeline as it was last read; None where it could not be read.
    """

    def __init__(
        self, file: Path, settings: Settings, tables: dict[str, FollowedTable], listed_s: float
    ) -> None:
        self.file, self._settings, self._tables, self._listed_s = file, settings, tables, listed_s
        self.latest: Observation | None = None
        self.table_uri: str | None = None
        self._looking: Future[None] | None = None
        self._looked_at = 0.0
        self._read_as: tuple[int, int] | None = None
        self._observer: Observer | None = None
        self._errors = 0
        self._told: str | None = None

    def look(self, pool: ThreadPoolExecutor, fresh_s: float) -> Future[None] | None:
        """Begins to look, unless that goes on; None where what is known is fresh enough."""
        if self._looking is not None and not self._looking.done():
            return self._looking
        if self.latest is not None and time.monotonic() - self._looked_at < fresh_s:
            return None
        self._looking = pool.submit(self._look)
        return self._looking

    def failed(self, why: str) -> Observation:
        """What is told where the file itself is the problem, or the reason is not known."""
        if why != self._told:  # once: it comes again with every look
            _log.warning("%s: %s", self.file, why)
        self._told = why
        return Observation(self.file.stem, time.time(), ok=False)

    def _look(self) -> None:
        try:
            found = self._current().observe()
        except PenstockError as error:
            found = self.failed(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, the other pipelines are told
            found = self.failed(f"{type(error).__name__}: {error}")
        self._errors += not found.ok
        self.latest = replace(found, errors=self._errors)
        self._looked_at = time.monotonic()

    def _current(self) -> Observer:
        """For the pipeline as the file has it now."""
        state = self.file.stat() if self.file.exists() else None
        read_as = (state.st_mtime_ns, state.st_size) if state else None
        if self._observer is None or read_as != self._read_as:
            self._observer, self.table_uri = None, None
            pipeline = load_pipeline(self.file, self._settings)
            self.table_uri, self._read_as = pipeline.table.uri, read_as
            table = self._tables.setdefault(self.table_uri, FollowedTable(self.table_uri))
            self._observer = Observer(pipeline, table, self._listed_s)
        return self._observer

"""How far a batch is, for those who watch a run: a progress artifact, and a line in the log now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import FlowRunContext

from pipelines.progress import Progress
from pipelines.reports.plain_text import size

UPDATED_EVERY_S: Final = 2.0
LOGGED_EVERY_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a batch is.

    Attributes:
        total: Bytes to read; None where files are compressed or have their own way of storing columns.
        read: Bytes so far, decompressed.
        file: The one that is read, from 1.
        began: By the clock that never goes back.
    """

    batch: int
    files: int
    total: int | None
    began: float
    read: int = 0
    file: int = 1

    def percent(self) -> float:
        """Of the bytes where their number is known, else of the files; reading, not what comes after it."""
        done = self.read / self.total if self.total else (self.file - 1) / self.files
        return round(100 * min(done, 1.0), 1)

    def sentence(self, now: float) -> str:
        """Such as `batch 3: read 1.2 GiB of 4.0 GiB, file 5 of 12, 83.1 MiB/s`."""
        read = size(self.read) + ("" if self.total is None else f" of {size(self.total)}")
        speed = size(self.read / max(now - self.began, 0.001))
        return f"batch {self.batch}: read {read}, file {self.file} of {self.files}, {speed}/s"


class ShownProgress(Progress):
    """Notes how far the batch is; a thread of its own shows it, so that reading never waits."""

    def __init__(self) -> None:
        self.reached: Reached | None = None

    def planned(self, batch: int, files: int, size: int | None) -> None:
        """Begins anew."""
        self.reached = Reached(batch, files, size, time.monotonic())

    def read(self, file: int, size: int) -> None:
        """Called by one thread at a time."""
        if (at := self.reached) is not None:
            self.reached = replace(at, read=at.read + size, file=file + 1)

    def committed(self, batch: int, rows: int) -> None:
        """The batch is done; nothing is shown until the next one."""
        self.reached = None


class _Display:
    """What the thread does every two seconds; one artifact for a run, made when a batch takes that long."""

    def __init__(self, progress: ShownProgress) -> None:
        self._progress = progress
        self._log = get_run_logger()
        context = FlowRunContext.get()
        self._flow_run = None if context is None else context.flow_run
        self._artifact: UUID | None = None
        self._said_at = time.monotonic()

    def run(self, ended: threading.Event) -> None:
        while not ended.wait(UPDATED_EVERY_S):
            if (at := self._progress.reached) is not None:
                try:
                    self._show(at)
                except Exception as error:  # noqa: BLE001 (whatever the server has: the batch goes on)
                    self._log.warning("the progress of the run is not shown any more: %s", error)
                    return

    def _show(self, at: Reached) -> None:
        now = time.monotonic()
        sentence = at.sentence(now)
        if now - max(self._said_at, at.began) >= LOGGED_EVERY_S:
            self._said_at = now
            self._log.info(sentence)
        if now - at.began >= UPDATED_EVERY_S:
            self._publish(at.percent(), sentence)

    def _publish(self, percent: float, sentence: str) -> None:
        if self._flow_run is None:
            return
        client = get_client(sync_client=True)  # that of the run
        if self._artifact is None:
            self._artifact = client.create_artifact(
                ArtifactCreate(
                    type="progress", description=sentence, data=percent, flow_run_id=self._flow_run.id
                )
            ).id
        else:
            client.update_artifact(self._artifact, ArtifactUpdate(description=sentence, data=percent))


@contextmanager
def shown_progress() -> Iterator[ShownProgress]:
    """To be told how far the batches of this flow run are; what goes wrong in showing it fails none."""
    progress, ended = ShownProgress(), threading.Event()
    display = _Display(progress)
    thread = threading.Thread(
        target=copy_context().run, args=(display.run, ended), name="penstock-progress", daemon=True
    )
    thread.start()
    try:
        yield progress
    finally:
        ended.set()
        thread.join()

"""Which pipelines have nothing to do: what a run of `ingest` would find out, told without one.

Imports no Prefect, so that a process that is only asked this stays small.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from config.spec_file import load_pipeline
from pipelines.reports.status import planned_of, waiting_of
from storage.errors import NothingLandedError
from storage.tables.delta import last_batch, open_table

_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


def idle(pipelines: Sequence[str]) -> list[str]:
    """Those for which nothing waits and no batch was left; names of files in the pipelines folder.

    A pipeline that cannot be looked at is none of them: a run of it tells what is wrong.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = threads.map(_is_idle, pipelines)
        return [name for name, is_idle in zip(pipelines, found, strict=True) if is_idle]


def _is_idle(name: str) -> bool:
    try:
        pipeline = load_pipeline(name)
        if waiting_of(pipeline).files:
            return False
        uri = pipeline.table.uri
        return planned_of(uri, pipeline.name, last_batch(open_table(uri), pipeline.name)) is None
    except NothingLandedError:
        return True
    except Exception as error:  # noqa: BLE001 (whatever it is, a run of the pipeline meets it, and tells)
        _log.debug("cannot see whether anything waits for %s", name, exc_info=error)
        return False

"""The progress bar of `penstock run`, where standard error is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.progress import Progress


@contextmanager
def progress_bar(pipeline: str) -> Iterator[Progress | None]:
    """A bar that follows the bytes of each batch; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from pipelines.cli.batch_bar import showing  # only here: Rich takes 0.1 s, which a cron job need not pay

    with showing(pipeline) as bar:
        yield bar

"""What tests of pipelines share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.pipeline import Pipeline
from pipelines.run import run
from tests.conftest import Store
from tests.pipelines.taking_in import SETTINGS, full_pipeline, land_every_fate
from tests.warm_reader import shared_by_batches


@pytest.fixture(scope="session", autouse=True)
def warm_reader() -> Iterator[None]:
    """Batches share the process that opens files for them."""
    with shared_by_batches():
        yield


@pytest.fixture
def local(tmp_path: Path) -> Store:
    """A place of the test's own on the local disk."""
    return Store(str(tmp_path))


@pytest.fixture
def taken_in(local: Store) -> Pipeline:
    """Two batches of two files each, every fate among their records."""
    pipeline = full_pipeline(local)
    land_every_fate(local)
    run(pipeline, SETTINGS)
    return pipeline

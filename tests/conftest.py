"""What tests of several layers share: a store, once as a local folder and once as a real S3 server."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest

from config.settings import available_cores
from storage.filesystem import open_filesystem
from tests.object_store import BUCKET, ObjectStore, running_object_store

# The same examples in every run; and no deadline, because the first example compiles the kernel.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("repeatable")

_WORKER_BYTES = 3 * 2**30
"""What a worker of pytest-xdist takes at its most, with the servers and processes that its tests start."""


@dataclass(frozen=True)
class Store:
    """A place of one test's own.

    Attributes:
        uri: The folder, which exists and is empty: a path, or `s3://lake/…`.
    """

    uri: str

    @property
    def is_remote(self) -> bool:
        """Whether it is an object store."""
        return self.uri.startswith("s3://")

    def at(self, name: str) -> str:
        """The full path of `name`."""
        return f"{self.uri}/{name}"

    def put(self, name: str, data: bytes = b"") -> str:
        """Writes a file, with the folders it needs, and gives its full path."""
        filesystem, path = open_filesystem(self.at(name))
        if not self.is_remote:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        filesystem.pipe_file(path, data)
        return self.at(name)

    def remove(self, name: str) -> None:
        """Removes a file."""
        filesystem, path = open_filesystem(self.at(name))
        filesystem.rm_file(path)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes minutes; only `make test-long` runs it")
    config.addinivalue_line("markers", "browser: drives Chromium; only `make test-browser` runs it")
    config.addinivalue_line(
        "markers", "s3: talks to a real S3 server on this machine; leave out with -m 'not s3'"
    )


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as cores, because many tests wait for a server or a process of theirs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(available_cores() * 3 // 2, memory // _WORKER_BYTES))


def pytest_collection_finish() -> None:
    """Thousands of tests and what they import stay to the end: collecting garbage need not look at them."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Libraries that are asked at the end what they have left behind find nothing."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """One S3 server for all tests, with the empty bucket `lake`."""
    with running_object_store() as store:
        yield store


@pytest.fixture
def s3(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A prefix of its own in the S3 server, and the environment that leads there."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    store = Store(f"s3://{BUCKET}/{uuid4().hex}")
    filesystem, path = open_filesystem(store.uri)
    filesystem.pipe_file(
        f"{path}/", b""
    )  # as consoles make a folder: an empty object whose name ends with a slash
    return store


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty place of the test's own, on the local disk and then on S3."""
    if request.param == "s3":
        found: Store = request.getfixturevalue("s3")
        return found
    folder = tmp_path / "store"
    folder.mkdir()
    return Store(str(folder))

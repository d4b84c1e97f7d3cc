"""The store of a table as pyarrow reads it, and how many bytes were fetched from it."""

from __future__ import annotations

import io
import os
import threading
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs

from storage.filesystem import bucket_and_key, is_remote, local_path


@dataclass(slots=True)
class Fetched:
    """What a reader has asked the store for.

    Attributes:
        requests: Ranges of files.
        bytes: In them.
    """

    requests: int = 0
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, size: int) -> None:
        """One more request; by any thread."""
        with self._lock:
            self.requests += 1
            self.bytes += size


def open_store(uri: str, fetched: Fetched | None = None) -> tuple[Any, str]:
    """The `pyarrow.fs.FileSystem` of the table at `uri`, and its folder there.

    Args:
        uri: The table's.
        fetched: Counts what is read; that costs the use of some threads.
    """
    filesystem, root = _open(uri)
    return (filesystem, root) if fetched is None else (fs.PyFileSystem(_Counting(filesystem, fetched)), root)


def _open(uri: str) -> tuple[Any, str]:
    if not is_remote(uri):
        return fs.LocalFileSystem(), local_path(uri)
    env = os.environ.get
    endpoint = env("AWS_ENDPOINT_URL") or ""
    scheme, _, host = endpoint.rpartition("://")
    options = {
        "access_key": env("AWS_ACCESS_KEY_ID") or None,
        "secret_key": env("AWS_SECRET_ACCESS_KEY") or None,
        "session_token": env("AWS_SESSION_TOKEN") or None,
        "endpoint_override": host.rstrip("/") or None,
        "scheme": scheme or None,
        "region": env("AWS_REGION") or env("AWS_DEFAULT_REGION") or "us-east-1",
    }
    given = {name: value for name, value in options.items() if value is not None}
    return fs.S3FileSystem(**given), "/".join(bucket_and_key(uri))


class _CountedFile(io.RawIOBase):
    """A file of the store; pyarrow asks it for one range at a time."""

    def __init__(self, file: Any, fetched: Fetched) -> None:
        self._file = file
        self._fetched = fetched

    def read(self, size: int = -1) -> Any:
        data = self._file.read_buffer(None if size < 0 else size)
        self._fetched.add(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


class _Counting(fs.FileSystemHandler):  # type: ignore[misc]
    """Reads files of another filesystem, and counts; can do nothing else."""

    def __init__(self, filesystem: Any, fetched: Fetched) -> None:
        self._filesystem = filesystem
        self._fetched = fetched

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def get_type_name(self) -> str:
        return "counting"

    def normalize_path(self, path: str) -> Any:
        return self._filesystem.normalize_path(path)

    def get_file_info(self, paths: list[str]) -> Any:
        return self._filesystem.get_file_info(paths)

    def get_file_info_selector(self, selector: Any) -> Any:
        return self._filesystem.get_file_info(selector)

    def open_input_file(self, path: str) -> Any:
        return pa.PythonFile(_CountedFile(self._filesystem.open_input_file(path), self._fetched), mode="r")

    def open_input_stream(self, path: str) -> Any:
        return self.open_input_file(path)

    def _refuse(self, *_: Any) -> Any:
        raise NotImplementedError("this filesystem only reads")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refuse
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refuse

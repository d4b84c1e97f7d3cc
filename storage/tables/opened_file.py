"""A data file of a table, opened to be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import TableError
from storage.filesystem import is_remote, open_filesystem
from storage.upstream import translated

_READ_AHEAD_BYTES: Final = 2**20
"""Of an object, where s3fs would keep 50 MB of each that is open."""


def is_outside(path: str) -> bool:
    """Whether a path of the log leads out of the folder of the table."""
    return path.startswith("/") or "://" in path


@contextmanager
def opened_file(uri: str, path: str) -> Iterator[pq.ParquetFile]:
    """The file of the table at `uri` with this path, as the log has it; INT96 times are microseconds.

    Raises:
        TableError: What is read of it is no Parquet file.
        StorageError: It cannot be read.
    """
    where = f"{uri}/{path}"
    filesystem, root = open_filesystem(uri)
    ahead = {"block_size": _READ_AHEAD_BYTES} if is_remote(uri) else {}
    try:
        with (
            translated("read a data file", where),
            filesystem.open(f"{root}/{unquote(path)}", "rb", **ahead) as file,
            pq.ParquetFile(file, coerce_int96_timestamp_unit="us") as parquet,
        ):
            yield parquet
    except pa.ArrowException as error:
        raise TableError(
            "a data file of the table is no Parquet file",
            where=where,
            got=str(error),
            next_step="put the file back as it was written; penstock verify tells of others",
        ) from error

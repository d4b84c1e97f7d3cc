"""What the footers of Parquet files say, read without the rows."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from storage.filesystem import open_filesystem
from storage.tables.log.ordered_map import ordered_map
from storage.upstream import translated

_TAIL_BYTES = 64 * 1024
"""Enough for the footer of most files, so that one request is enough too."""

_END_BYTES = 8  # the length of the footer, and the magic number


@dataclass(frozen=True, slots=True)
class Footer:
    """Of one data file.

    Attributes:
        path: As it was asked for.
        rows: How many the file holds; None where it is not there, or is no Parquet file.
        problem: Why there are no rows; None where all is well.
    """

    path: str
    rows: int | None
    problem: str | None = None


def read_footers(uri: str, paths: Iterable[str]) -> Iterator[Footer]:
    """The footers of files of the table at `uri`, in order.

    Lazy; one or two ranged requests a file, for its last 64 KiB and, where needed, for the whole footer.

    Args:
        paths: As the Delta log has them: relative to the table, percent-encoded.

    Raises:
        StorageError: A file is there, and cannot be read.
    """
    return ordered_map(lambda path: _footer(uri, path), paths)


def _footer(uri: str, path: str) -> Footer:
    filesystem, root = open_filesystem(uri)
    full = f"{root}/{unquote(path)}"
    with translated("read the footer of a data file", f"{uri}/{path}"):
        try:
            tail: bytes = filesystem.cat_file(full, start=-_TAIL_BYTES)
            length = _END_BYTES + int.from_bytes(tail[-_END_BYTES:-4], "little")
            if len(tail) == _TAIL_BYTES < length:
                tail = filesystem.cat_file(full, start=-length)
        except FileNotFoundError:
            return Footer(path, None, "the file is not there")
        except OSError as error:
            if error.errno != errno.EINVAL:  # what s3fs makes of a range of an object without contents
                raise
            return Footer(path, None, "no Parquet footer: the file is empty")
    try:
        return Footer(path, pq.read_metadata(io.BytesIO(tail)).num_rows)
    except pa.ArrowException as error:
        return Footer(path, None, f"no Parquet footer: {error}")

"""What makes two listings of one path mean the same contents."""

from __future__ import annotations

import os


def identity_of_file(status: os.stat_result) -> str:
    """Size and time of the last change in nanoseconds: all that a local file tells without being read."""
    return f"{status.st_size}-{status.st_mtime_ns}"


def identity_of_object(etag: str) -> str:
    """The ETag without its quotes."""
    return etag.strip('"')

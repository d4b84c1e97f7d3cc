"""Whether the files of a table lie in its folder: a log says where they are, and may say anything."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Final

import polars as pl

from storage.filesystem import is_remote, local_path

_ELSEWHERE: Final = r"^/|^[A-Za-z][A-Za-z0-9+.-]*:|(^|/)\.\.(/|$)|\x00"
"""An absolute path, a URI, a way up, what no file system takes."""


def is_confined(uri: str, paths: pl.Series) -> bool:
    """Whether all files are below the folder of the table.

    Of a local table also those that a symbolic link leads to, as long as nobody changes links meanwhile.

    Args:
        uri: The table's.
        paths: As the log has them, decoded; they are taken relative to the table.
    """
    if paths.str.contains(_ELSEWHERE).any():
        return False
    return is_remote(uri) or _stay_below(local_path(uri), paths)


def _stay_below(root: str, paths: pl.Series) -> bool:
    real = os.path.realpath(root)
    folders = {str(PurePosixPath(path).parent) for path in paths}
    ends = {os.path.realpath(f"{root}/{folder}") for folder in folders}
    ends |= {os.path.realpath(f"{root}/{path}") for path in paths if Path(root, path).is_symlink()}
    return all(end == real or end.startswith(f"{real}/") for end in ends)

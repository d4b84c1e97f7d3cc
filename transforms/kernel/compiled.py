"""The decorator under which the kernel is compiled to machine code, once per version of its source.

Numba caches what it compiled by the file of the function alone, so that a change in a callee of another
file would go unnoticed. The cache folder is therefore named after the text of the whole kernel.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def cache_folder() -> Path | None:
    """Where the compiled kernel of this source and this Numba lies; None where no folder can be written.

    Below `XDG_CACHE_HOME` (default `~/.cache`), in `penstock/`.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "penstock" / f"kernel-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None  # a read-only home: the kernel is compiled anew in each process
    return folder if os.access(folder, os.W_OK) else None


def compiled(function: Function) -> Function:
    """`function` as machine code that runs without the GIL and never raises.

    Arrays are passed by an entry point only; inside the kernel, memory goes by its address: an array
    argument costs an atomic reference count per call, which made the tokenizer four times slower.
    """
    folder = cache_folder()
    config: Any = numba.config  # its attributes are set at run time
    previous = config.CACHE_DIR
    config.CACHE_DIR = str(folder or "")
    try:
        decorate = numba.njit(cache=folder is not None, nogil=True, error_model="numpy")
        return cast(Function, decorate(function))
    finally:
        config.CACHE_DIR = previous

"""The compiled kernel: made where it is missing or damaged, else only loaded, and without Numba."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from transforms.decode.kernel.library import _stored_at, kernel

USE = """
import sys
from transforms.decode.kernel.library import call
import numpy as np
begins, limits, ends = (np.array([n], np.int64) for n in (0, 9, 0))
data = np.frombuffer(b"record\\r\\nx" + bytes(64), np.uint8)
call("find_ends", data, 1, begins, limits, ends)
print(int(ends[0]), "numba" in sys.modules)
"""


def use_kernel(cache: Path) -> str:
    """Calls the kernel in a new process; says what it gave, and whether Numba was needed."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    process = subprocess.run(
        [sys.executable, "-c", USE], check=True, capture_output=True, text=True, env=environment, timeout=120
    )
    return process.stdout.strip()


@pytest.fixture(scope="module")
def filled_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("cache")
    assert use_kernel(cache) == "6 True"
    return cache


def test_load_kept_kernel_needs_no_numba(tmp_path: Path) -> None:
    kernel()  # here at the latest it is compiled, and kept
    kept = _stored_at()
    assert kept is not None
    (tmp_path / "penstock").mkdir()
    shutil.copy(kept, tmp_path / "penstock")

    assert use_kernel(tmp_path) == "6 False"


@pytest.mark.long
def test_load_in_an_empty_cache_compiles_and_keeps_it(filled_cache: Path) -> None:
    assert use_kernel(filled_cache) == "6 False"


@pytest.mark.long
def test_load_damaged_kernel_compiles_it_anew(filled_cache: Path) -> None:
    (kept,) = (filled_cache / "penstock").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:1000])

    assert use_kernel(filled_cache) == "6 True"
    assert len(kept.read_bytes()) == len(whole)


@pytest.mark.long
def test_load_without_a_place_to_keep_it_compiles_and_goes_on(tmp_path: Path) -> None:
    in_the_way = tmp_path / "penstock"
    in_the_way.write_text("a file where the folder should be")
    assert use_kernel(tmp_path) == "6 True"

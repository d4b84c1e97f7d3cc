"""Tables whose files are replaced."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.conftest import Store
from tests.storage.replacing.replacements import (
    append,
    rows,
)


@pytest.fixture
def uri(store: Store) -> str:
    """A table of two partitions and three files."""
    uri = store.at("table")
    append(uri, pl.concat([rows([1, 2]), rows([3], "b")]))
    append(uri, rows([4]))
    return uri


@pytest.fixture
def local_uri(tmp_path: Path) -> str:
    uri = str(tmp_path / "table")
    append(uri, pl.concat([rows([1, 2]), rows([3], "b")]))
    append(uri, rows([4]))
    return uri

"""What tests of storage share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Store


@pytest.fixture
def uri(store: Store) -> str:
    """Where a table can be made, on the local disk and then on S3."""
    return store.at("table")


@pytest.fixture
def local_uri(tmp_path: Path) -> str:
    """Where a table can be made, on the local disk."""
    return str(tmp_path / "table")

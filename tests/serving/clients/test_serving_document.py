"""What docs/serving.md tells clients to do works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.readers import needs_readers, run_with_readers
from tests.serving.clients.test_data_frames import PANDAS
from tests.serving.conftest import Served

PAGE = (Path(__file__).parents[3] / "docs" / "serving.md").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:31337"
# Those for a server with a certificate are those of tests/serving/security.
BLOCKS = [one for one in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S) if ADDRESS in one]


@needs_readers
@pytest.mark.filterwarnings("ignore:Cannot disable autocommit")
@pytest.mark.parametrize("block", BLOCKS)
def test_python_of_the_document_works(served: Served, block: str) -> None:
    names: dict[str, Any] = {}
    code = block.replace(ADDRESS, served.uri.partition("://")[2])
    if "pandas" in block:
        run_with_readers(PANDAS, "run", code)
        return

    exec(code, names)

    for made in ("table", "frame", "other"):
        assert made not in names or len(names[made]) > 0


STATEMENTS = [
    line for block in re.findall(r"^```sql\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_statements_of_the_document_can_be_asked(served: Served, statement: str) -> None:
    for written, here in (("12", "0"), ("2026-01-05T10:00:00Z", "2999-01-01"), ("2026-01-05", "2999-01-01")):
        statement = statement.replace(written, here)
    with served.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)

        assert all(count >= 20 for (count,) in cursor.fetchall())

"""docs/push.md: its code runs, and its limits are those of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from config.units import format_bytes
from serving.push.rows import RECORD_BATCH_BYTES, RECORD_BATCHES, ROW_BYTES
from serving.security.limits import Limits
from storage.landing.listing import list_landing
from tests.serving.push.pushing import pushable

PAGE = (Path(__file__).parents[3] / "docs" / "push.md").read_text(encoding="utf-8")


def test_document_code_pushes(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    plain, adbc = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (receipt,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    with pushable(tmp_path / "pipes", str(tmp_path)) as pushed:
        names: dict[str, object] = {}
        for code in (plain, adbc):
            code = code.replace("grpc+tls://penstock.example:31337", pushed.uri)
            exec(code.replace("penstock_…", pushed.token), names)  # our own page
    assert names["receipt"] == json.loads(receipt)
    assert list_landing(f"{tmp_path}/landing").height == 1


def test_document_gives_the_limits_of_the_code() -> None:
    defaults, documented = Limits(), dict(re.findall(r"^\| `(push\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert documented == {
        "push_time": f"{defaults.push_time.total_seconds() / 60:g}m",
        "push_bytes": format_bytes(defaults.push_bytes),
        "push_rows": f"{defaults.push_rows:,}",
        "pushed_bytes_a_minute": format_bytes(defaults.pushed_bytes_a_minute),
        "pushes_at_once": str(defaults.pushes_at_once),
    }
    assert f"{RECORD_BATCHES:,} record batches" in PAGE
    assert f"{format_bytes(RECORD_BATCH_BYTES)} and {RECORD_BATCH_BYTES // 8:,} values in each" in PAGE
    assert f"{format_bytes(ROW_BYTES)} in each row" in PAGE

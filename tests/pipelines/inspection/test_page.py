"""The page: whole by itself, and whatever a file says does nothing there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa

from pipelines.inspection.page import page
from tests.pipelines.inspection.looked_at import parquet

HOSTILE = "</title><script>alert(1)</script>\"'&<img src=x onerror=alert(1)>\x1b[2J"


class Tags(HTMLParser):
    """Which elements a page has, and whether each is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of elements that are closed at once too, then `handle_endtag` follows."""
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Of the innermost one."""
        assert self.open.pop() == tag


def test_page_escapes_names_and_values(tmp_path: Path) -> None:
    found = parquet(tmp_path, pa.table({HOSTILE: [HOSTILE, "z", None, "b"]}), 2)
    found["path"] = HOSTILE
    found["facts"] = {HOSTILE: HOSTILE}

    text = page(found)

    tags = Tags(text)
    assert tags.open == []
    assert not tags.seen & {"script", "img", "link", "iframe", "a"}
    assert not {name for name in tags.attributes if name.startswith("on")} | tags.attributes & {"src", "href"}
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") >= 5


def test_page_has_a_plot_for_each_column_and_asks_for_nothing(tmp_path: Path) -> None:
    table = pa.table({"x": range(100), "y": [number % 7 for number in range(100)]})

    text = page(parquet(tmp_path, table, 10))

    assert len(re.findall(r"<rect [^>]*><title>row group \d+: ", text)) == 20
    assert "a lookup of one value reads 1.0 of 10 row groups (10 %)" in text
    assert not re.search(r"https?:|url\(|@import", text)


def test_page_of_many_row_groups_stays_small(tmp_path: Path) -> None:
    text = page(parquet(tmp_path, pa.table({"x": range(2000)}), 1))

    assert text.count("<rect") < 450
    assert "5 row groups: 0 … 4" in text

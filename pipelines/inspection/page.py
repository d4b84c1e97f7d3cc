"""An inspection as one page of HTML, which needs neither network nor script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipelines.inspection.bars import verdict
from pipelines.inspection.document import ArrowMemory, Chunks, Inspection, Ranges
from pipelines.inspection.plots import ranges_plot, safe, share_bar
from pipelines.reports.plain_text import size, whole

_STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2.5rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: 0.15rem 0.8rem 0.15rem 0; vertical-align: top; }
th { border-bottom: 1px solid #8888; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
svg rect { fill: #2a78b8; } svg.ranges { width: 100%; background: #8882; }
svg.share { width: 8rem; height: 0.6rem; background: #8882; }
svg.ranges rect:hover { fill: #d2691e; }
p.axis { display: flex; justify-content: space-between; margin: 0; overflow-wrap: anywhere; }
"""

Cell = str | int
"""Text, which is escaped, or a number of things."""


def page(found: Inspection) -> str:
    """The document as a page; everything that the file or the table says is escaped."""
    title = safe(found["path"])
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\">",
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
            *_parts(found),
            "</body></html>\n",
        )
    )


def _parts(found: Inspection) -> Iterator[str]:
    rows = found["rows"]
    facts = {"format": found["format"], "size": size(found["bytes"]), **found["facts"]}
    yield _table(("", ""), list(facts.items()))
    yield f"<p>{'rows not counted' if rows is None else f'{whole(rows)} rows'}</p>"
    if found["ranges"]:
        yield "<h2>Ranges</h2><p>Each line is where the values of one row group, or of one file, lie between "
        yield "the least and the greatest of the column. A staircase of short lines is well clustered.</p>"
        yield from map(_ranges, found["ranges"])
    if found["memory"]:
        yield _memory(found["memory"])
    if found["chunks"]:
        yield _chunks(found["chunks"], found["chunks_of"])
    if groups := found["row_groups"]:
        yield f"<h2>Row groups</h2><p>of {safe(found['chunks_of'])}</p>"
        sizes = list(zip(range(len(groups["rows"])), groups["rows"], groups["bytes"], strict=True))
        yield _table(("row group", "rows", "bytes"), sizes[:_MOST_ROWS])
    yield "<h2>Schema</h2>"
    fields = [(one["name"], one["type"], "" if one["nullable"] else "never null") for one in found["schema"]]
    yield _table(("column", "type", ""), fields)


_MOST_ROWS: Final = 1000


def _ranges(ranges: Ranges) -> str:
    heading = f"<h3>{safe(ranges['column'])}</h3><p>{safe(ranges['type'])}; {safe(verdict(ranges))}</p>"
    return heading + ranges_plot(ranges)


def _memory(memory: ArrowMemory) -> str:
    head = f"<h2>In memory as Arrow</h2><p>{safe(memory['of'])}: {whole(memory['used_bytes'])} bytes in use, "
    rows = [
        (column["path"], column["type"], one["kind"], one["used_bytes"], one["held_bytes"])
        for column in memory["columns"]
        for one in column["buffers"]
        if one["count"]
    ]
    drawn = [share_bar(row[3], memory["used_bytes"]) for row in rows]
    names = ("column", "type", "buffer", "bytes in use", "bytes held")
    return head + f"in buffers of {whole(memory['held_bytes'])}</p>" + _table(names, rows, drawn)


def _chunks(chunks: list[Chunks], of: str) -> str:
    names = ("column", "physical", "encodings", "compression", "bytes", "unpacked", "least", "greatest",
             "nulls", "chunks", "with statistics", "Bloom filters", "page indexes")  # fmt: skip
    rows = [
        (one["path"], one["physical_type"], ", ".join(one["encodings"]), ", ".join(one["compression"]),
         one["bytes"], one["unpacked_bytes"], one["least"] or "-", one["greatest"] or "-",
         "-" if one["nulls"] is None else one["nulls"],
         one["chunks"], one["statistics"], one["bloom_filters"], one["page_indexes"])
        for one in chunks
    ]  # fmt: skip
    return f"<h2>Stored</h2><p>{safe(of)}</p>" + _table(names, rows)


def _table(names: Sequence[str], rows: Iterable[Sequence[Cell]], drawn: Sequence[str] = ()) -> str:
    """Rows of text and numbers; `drawn` is HTML that stands behind each."""
    body = [list(map(_cell, row)) for row in rows]
    for cells, picture in zip(body, drawn, strict=False):
        cells.append(f"<td>{picture}</td>")
    head = "".join(f"<th>{safe(name)}</th>" for name in names) if any(names) else ""
    lines = "".join(f"<tr>{''.join(cells)}</tr>" for cells in body)
    return f"<table><tr>{head}</tr>{lines}</table>"


def _cell(value: Cell) -> str:
    return f'<td class="n">{whole(value)}</td>' if isinstance(value, int) else f"<td>{safe(value)}</td>"

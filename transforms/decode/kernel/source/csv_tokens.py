"""Records of cells into tokens, as those of JSON: what each cell of a column is and where it lies.

A cell has no type of its own: it is read as its column is. Text is a token that begins a byte before and ends
a byte behind it, as if it were quoted, whether it is or not; no backslash in it means anything.
"""

from __future__ import annotations

from typing import NamedTuple

from transforms.decode.kernel.codes import (
    ACCEPTED,
    BOOLEAN_CELL,
    DONE,
    FALSE,
    JSON_CELL,
    MALFORMED_CSV,
    MISSING,
    MORE_RESCUE,
    NO_JSON,
    NULL,
    NUMBER_CELL,
    OBJECT,
    OWN_TEXT,
    REFUSE_FIELD,
    RESCUE_FIELD,
    TEXT,
    TOO_DEEP,
    TRUE,
    UNKNOWN_FIELD,
)
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.csv_cells import plain_end, quoted_end, scan_json, undouble
from transforms.decode.kernel.source.grammar import (
    CLOSE_OBJECT,
    COLON,
    COMMA,
    MINUS,
    OPEN_OBJECT,
    scan_number,
)
from transforms.decode.kernel.source.memory import (
    bytes_at,
    ints_at,
    load_byte,
    load_item,
    longs_at,
    store_byte,
)
from transforms.decode.kernel.source.nodes import slots_at
from transforms.decode.kernel.source.paths import copy_bytes, write_text
from transforms.decode.kernel.source.text import QUOTE
from transforms.decode.kernel.source.tokens import same_bytes


class Cells(NamedTuple):
    """What the cells of a record are, as `transforms.decode.cells` has it; addresses of arrays of int64.

    Words are the name of each cell; true; false; each null.
    """

    width: int  # cells of a record
    node: int  # of each cell; -1 for a name that the contract lacks
    reading: int  # of each cell: NUMBER_CELL, …
    start: int  # of each word, an address
    length: int  # of each word
    nulls: int  # how many words stand for null
    longest_null: int
    delimiter: int
    quote: int


@compiled
def cells_at(table):
    """The cells that an address tells of."""
    return Cells(
        load_item(table, 0),
        load_item(table, 1),
        load_item(table, 2),
        load_item(table, 3),
        load_item(table, 4),
        load_item(table, 5),
        load_item(table, 6),
        load_item(table, 7),
        load_item(table, 8),
    )


@compiled
def equals_word(cells, word, at, end):
    """Whether a cell is one of the words of the table."""
    return load_item(cells.length, word) == end - at and same_bytes(
        at, load_item(cells.start, word), end - at
    )


@compiled
def is_null(cells, at, end):
    """Whether a cell without quotes stands for null."""
    if end - at > cells.longest_null:
        return False
    for word in range(cells.width + 2, cells.width + 2 + cells.nulls):
        if equals_word(cells, word, at, end):
            return True
    return False


@compiled
def tag_of(cells, reading, at, end):
    """What a cell is in a column of scalars."""
    if reading == NUMBER_CELL:
        byte = load_byte(at)
        if byte == MINUS or 0x30 <= byte <= 0x39:
            after, tag = scan_number(at)
            if after == end:
                return tag
    elif reading == BOOLEAN_CELL:
        if equals_word(cells, cells.width, at, end):
            return TRUE
        if equals_word(cells, cells.width + 1, at, end):
            return FALSE
    return TEXT


@compiled
def write_unknown(to, room, fields, cells, cell, at, end):
    """Writes `"name":"text"` behind `fields` others of a record; its length, or -1 for want of room."""
    name, length = load_item(cells.start, cell), load_item(cells.length, cell)
    if length + 6 * (end - at) + 16 > room:
        return -1
    store_byte(to, COMMA if fields else OPEN_OBJECT)
    store_byte(to + 1, QUOTE)
    behind = copy_bytes(to + 2, name, length)
    store_byte(behind, QUOTE)
    store_byte(behind + 1, COLON)
    return write_text(behind + 2, at, end) - to


@entry
def tokenize_cells(
    block,
    is_own,
    records,
    offsets,
    ends,
    cells,
    slots,
    text_offsets,
    text,
    room,
    on_unknown,
    limit,
    memory,
    verdicts,
    about_nodes,
):
    """Reads all records; record r is `block[offsets[r]:ends[r]]`, a line ending follows it.

    Writes what `tokenize` writes. Where a cell has doubled quotes, the text without them is written in its
    place: OWN_TEXT comes back where the block is not ours (`is_own`). `memory` is `limit` bytes, and as many
    as the longest record has, and PADDING.
    """
    cells, slots = cells_at(cells), slots_at(slots)
    offsets, ends = longs_at(offsets, records), longs_at(ends, records)
    text_offsets = longs_at(text_offsets, records + 1)
    verdicts, about_nodes = bytes_at(verdicts, records), ints_at(about_nodes, records)
    delimiter, quote, width = cells.delimiter, cells.quote, cells.width
    written = 0
    for r in range(records):
        text_offsets[r] = written
        at, end = block + offsets[r], block + ends[r]
        verdict, fields, cell = ACCEPTED, 0, 0
        while True:
            if cell >= width:
                verdict = MALFORMED_CSV
                break
            quoted = load_byte(at) == quote and at < end
            if quoted:
                begin = at + 1
                after, doubled = quoted_end(begin, end, quote)
                if after < 0:
                    verdict = -after
                    break
                past = after
                after += 1
                if after < end and load_byte(after) != delimiter:
                    verdict = MALFORMED_CSV
                    break
                if doubled:
                    if not is_own:
                        return OWN_TEXT
                    past = undouble(begin, past, quote)
            else:
                begin = at
                after = plain_end(at, end, delimiter, quote)
                if after < 0:
                    verdict = -after
                    break
                past = after
            node = load_item(cells.node, cell)
            null = not quoted and is_null(cells, begin, past)
            if node >= 0:
                token = slots.base[node] + r
                reading = load_item(cells.reading, cell)
                if null:
                    tag = NULL
                elif reading == JSON_CELL:
                    begin, past, tag = scan_json(begin, past, memory + limit, memory, limit)
                    if tag == -TOO_DEEP:
                        verdict = TOO_DEEP
                        break
                else:
                    tag = tag_of(cells, reading, begin, past)
                wider = 1 if tag == NO_JSON or (tag == TEXT and reading != JSON_CELL) else 0
                slots.tags[token] = tag
                slots.starts[token], slots.ends[token] = begin - wider - block, past + wider - block
            elif null:
                pass  # every record has this cell: without a value, it is nothing new
            elif on_unknown == REFUSE_FIELD:
                verdict = UNKNOWN_FIELD
                break
            elif on_unknown == RESCUE_FIELD:
                length = write_unknown(text + written, room - written, fields, cells, cell, begin, past)
                if length < 0:
                    return MORE_RESCUE
                written += length
                fields += 1
            cell += 1
            if after >= end:
                break
            at = after + 1
        if verdict == ACCEPTED and cell != width:
            verdict = MALFORMED_CSV
        if verdict != ACCEPTED:
            for node in range(slots.base.size):
                slots.tags[slots.base[node] + r] = MISSING
            written = text_offsets[r]
            verdicts[r] = verdict
            continue
        slots.tags[slots.base[0] + r] = OBJECT
        if fields > 0:
            store_byte(text + written, CLOSE_OBJECT)
            written += 1
    text_offsets[records] = written
    return DONE

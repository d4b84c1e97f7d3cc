"""A block of lines into records."""

from __future__ import annotations

from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.memory import ints_at, load_byte, longs_at, newline_stops, trailing_zeros


@compiled
def is_blank(at):
    """Whether the line at `at` has nothing but white space."""
    byte = load_byte(at)
    while byte == 0x20 or byte == 0x09 or byte == 0x0D:
        at += 1
        byte = load_byte(at)
    return byte == 0x0A


@entry
def split_lines(block, size, starts, part_count, offsets, parts, lines, room, line_counts):
    """Finds the records in `block[:size]`, whose parts from different files begin at `starts`.

    A record is a line that is not blank; it reaches to the start of the next record, so that blank lines
    belong to the record before them. Every part ends with a newline. Writes for each record its offset,
    its part and its line number in that part, from 0, and for each part its number of lines. Returns the
    number of records, or -1 where the outputs are too small.
    """
    starts, line_counts = longs_at(starts, part_count), longs_at(line_counts, part_count)
    offsets, parts, lines = longs_at(offsets, room + 1), ints_at(parts, room), ints_at(lines, room)
    records, part, line, begin = 0, 0, 0, 0
    at = 0
    while at < size:
        stops = newline_stops(block + at)
        while stops != 0:
            newline = at + trailing_zeros(stops)
            stops &= stops - 1
            if newline >= size:
                break
            if part + 1 < part_count and begin >= starts[part + 1]:
                line_counts[part] = line
                part += 1
                line = 0
            if load_byte(block + begin) > 0x20 or not is_blank(block + begin):
                if records >= room:
                    return -1
                offsets[records] = begin
                parts[records] = part
                lines[records] = line
                records += 1
            line += 1
            begin = newline + 1
        at += 16
    line_counts[part] = line
    offsets[records] = size
    return records

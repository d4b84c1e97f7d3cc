"""From refused values to refused, or rescued, records."""

from __future__ import annotations

from transforms.decode.kernel.codes import ACCEPTED, LIST, MISSING_REQUIRED, NO_JSON, NULL, OBJECT, TEXT
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.grammar import CLOSE_OBJECT
from transforms.decode.kernel.source.memory import bytes_at, ints_at, load_item, longs_at, store_byte
from transforms.decode.kernel.source.nodes import program_at, slots_at
from transforms.decode.kernel.source.paths import copy_bytes, path_room, write_label, write_text


@compiled
def record_of(program, slots, node, slot):
    """The record that a slot of a node belongs to."""
    while load_item(program.space, node) != 0:
        parent = load_item(program.parent, node)
        if load_item(program.kind, parent) == LIST:
            slot = slots.owner[slots.base[node] + slot]
        node = parent
    return slot


@entry
def find_missing(program, slots, node, count, verdicts):
    """Refuses the slots of a required node that hold nothing though their struct or list is there."""
    program, slots, verdicts = program_at(program), slots_at(slots), bytes_at(verdicts, count)
    parent = load_item(program.parent, node)
    in_list = load_item(program.kind, parent) == LIST
    refused = 0
    for slot in range(count):
        if slots.tags[slots.base[node] + slot] > NULL:
            continue
        if in_list or slots.tags[slots.base[parent] + slot] == OBJECT:
            verdicts[slot] = MISSING_REQUIRED
            refused += 1
    return refused


@entry
def refuse_records(program, slots, node, count, verdicts, records, record_verdicts, record_nodes):
    """Passes the refused slots of a node on to their records; what a record was refused for first stays."""
    program, slots, verdicts = program_at(program), slots_at(slots), bytes_at(verdicts, count)
    record_verdicts, record_nodes = bytes_at(record_verdicts, records), ints_at(record_nodes, records)
    for slot in range(count):
        if verdicts[slot] != ACCEPTED:
            record = record_of(program, slots, node, slot)
            if record_verdicts[record] == ACCEPTED:
                record_verdicts[record], record_nodes[record] = verdicts[slot], node
    return 0


@entry
def list_refused(program, slots, node, count, verdicts, at, room, records, nodes, places):
    """Notes the refused slots of a node, the first as number `at` of `room`; returns the next number."""
    program, slots, verdicts = program_at(program), slots_at(slots), bytes_at(verdicts, count)
    records, nodes, places = longs_at(records, room), longs_at(nodes, room), longs_at(places, room)
    for slot in range(count):
        if verdicts[slot] != ACCEPTED:
            records[at], nodes[at], places[at] = record_of(program, slots, node, slot), node, slot
            at += 1
    return at


@entry
def rescue_room(program, slots, count, nodes, places):
    """The bytes that writing all these values takes at most."""
    program, slots = program_at(program), slots_at(slots)
    nodes, places = longs_at(nodes, count), longs_at(places, count)
    room = 0
    for i in range(count):
        token = slots.base[nodes[i]] + places[i]
        room += path_room(program, nodes[i]) + 6 * (slots.ends[token] - slots.starts[token]) + 64
    return room


@entry
def merge_rescued(
    block,
    program,
    slots,
    record_count,
    old_offsets,
    old,
    new_offsets,
    new,
    count,
    records,
    nodes,
    places,
    is_cells,
):
    """Writes to `new` what `old` rescued, and behind it the values of the slots, given in order of record.

    They are JSON already, but for the text of cells (`is_cells`), which becomes JSON strings.
    """
    program, slots = program_at(program), slots_at(slots)
    old_offsets, new_offsets = (
        longs_at(old_offsets, record_count + 1),
        longs_at(new_offsets, record_count + 1),
    )
    records, nodes, places = longs_at(records, count), longs_at(nodes, count), longs_at(places, count)
    written, next_entry = 0, 0
    for r in range(record_count):
        new_offsets[r] = written
        length = old_offsets[r + 1] - old_offsets[r]
        fields = 1 if length > 0 else 0
        if fields:
            copy_bytes(new + written, old + old_offsets[r], length - 1)  # without the closing brace
            written += length - 1
        while next_entry < count and records[next_entry] == r:
            node, place = nodes[next_entry], places[next_entry]
            token = slots.base[node] + place
            start, end = block + slots.starts[token], block + slots.ends[token]
            tag = slots.tags[token]
            to = write_label(new + written, fields, program, slots, node, place, 1, 0)
            if is_cells and (tag == TEXT or tag == NO_JSON):
                to = write_text(to, start + 1, end - 1)
            else:
                to = copy_bytes(to, start, end - start)
            written = to - new
            fields += 1
            next_entry += 1
        if fields:
            store_byte(new + written, CLOSE_OBJECT)
            written += 1
    new_offsets[record_count] = written
    return written

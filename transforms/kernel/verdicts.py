"""From refused values to refused, or rescued, records."""

from __future__ import annotations

from transforms.kernel.codes import ACCEPTED, LIST, MISSING_REQUIRED, NULL, OBJECT
from transforms.kernel.compiled import compiled
from transforms.kernel.grammar import CLOSE_OBJECT
from transforms.kernel.memory import load_item, store_byte
from transforms.kernel.paths import copy_bytes, path_room, write_field


@compiled
def record_of(program, slots, node, slot):
    """The record that a slot of a node belongs to."""
    while load_item(program.space, node) != 0:
        parent = load_item(program.parent, node)
        if load_item(program.kind, parent) == LIST:
            slot = slots.owner[slots.base[node] + slot]
        node = parent
    return slot


@compiled
def find_missing(program, slots, node, verdicts):
    """Refuses the slots of a required node that hold nothing though their struct or list is there."""
    parent = load_item(program.parent, node)
    in_list = load_item(program.kind, parent) == LIST
    refused = 0
    for slot in range(verdicts.size):
        if slots.tags[slots.base[node] + slot] > NULL:
            continue
        if in_list or slots.tags[slots.base[parent] + slot] == OBJECT:
            verdicts[slot] = MISSING_REQUIRED
            refused += 1
    return refused


@compiled
def refuse_records(program, slots, node, verdicts, record_verdicts, record_nodes):
    """Passes the refused slots of a node on to their records; what a record was refused for first stays."""
    for slot in range(verdicts.size):
        if verdicts[slot] != ACCEPTED:
            record = record_of(program, slots, node, slot)
            if record_verdicts[record] == ACCEPTED:
                record_verdicts[record], record_nodes[record] = verdicts[slot], node


@compiled
def list_refused(program, slots, node, verdicts, at, records, nodes, places):
    """Notes the refused slots of a node from number `at` on; returns the number after the last one."""
    for slot in range(verdicts.size):
        if verdicts[slot] != ACCEPTED:
            records[at], nodes[at], places[at] = record_of(program, slots, node, slot), node, slot
            at += 1
    return at


@compiled
def rescue_room(program, slots, nodes, places):
    """The bytes that writing all these values takes at most."""
    room = 0
    for i in range(nodes.size):
        token = slots.base[nodes[i]] + places[i]
        room += path_room(program, nodes[i]) + slots.ends[token] - slots.starts[token] + 64
    return room


@compiled
def merge_rescued(data, program, slots, old, new, records, nodes, places):
    """Writes to `new` what `old` rescued and behind it the values of the slots, given in order of record."""
    block, text, target = data.ctypes.data, old.text.ctypes.data, new.text.ctypes.data
    written, entry = 0, 0
    for r in range(old.offsets.size - 1):
        new.offsets[r] = written
        length = old.offsets[r + 1] - old.offsets[r]
        fields = 1 if length > 0 else 0
        if fields:
            copy_bytes(target + written, text + old.offsets[r], length - 1)  # without the closing brace
            written += length - 1
        while entry < records.size and records[entry] == r:
            node, place = nodes[entry], places[entry]
            token = slots.base[node] + place
            start, end = block + slots.starts[token], block + slots.ends[token]
            room = new.text.size - written
            written += write_field(
                target + written, room, fields, program, slots, node, place, 1, 0, start, end
            )
            fields += 1
            entry += 1
        if fields:
            store_byte(target + written, CLOSE_OBJECT)
            written += 1
    new.offsets[old.offsets.size - 1] = written

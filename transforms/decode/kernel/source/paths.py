"""The name of a place in a record, as `actor.id` or `commits[3].sha`, written where rescued values are kept.

A name with a dot, bracket or apostrophe of its own, or none, is put in brackets: `['a.b']`.
"""

from __future__ import annotations

from transforms.decode.kernel.codes import LIST
from transforms.decode.kernel.source.compiled import compiled
from transforms.decode.kernel.source.grammar import COLON, COMMA, OPEN_OBJECT
from transforms.decode.kernel.source.memory import load_byte, load_item, store_byte
from transforms.decode.kernel.source.text import BACKSLASH, QUOTE

DOT, OPEN, CLOSE, APOSTROPHE = 0x2E, 0x5B, 0x5D, 0x27
STEP = 24  # bytes that one step of a path takes at most, its name aside


@compiled
def copy_bytes(to, source, length):
    """Copies `length` bytes; returns the address after them."""
    for i in range(length):
        store_byte(to + i, load_byte(source + i))
    return to + length


@compiled
def write_integer(to, value):
    """Writes a number that is not negative in decimal digits; returns the address after them."""
    power = 1
    while value // power >= 10:
        power *= 10
    while power > 0:
        store_byte(to, 0x30 + value // power % 10)
        to += 1
        power //= 10
    return to


@compiled
def is_plain(name, length):
    """Whether a name stands for itself in a path."""
    for i in range(length):
        byte = load_byte(name + i)
        if byte == DOT or byte == OPEN or byte == CLOSE or byte == APOSTROPHE:
            return False
    return length > 0


@compiled
def write_name(to, name, length, first):
    """Writes one step into a struct; returns the address after it."""
    if is_plain(name, length):
        if not first:
            store_byte(to, DOT)
            to += 1
        return copy_bytes(to, name, length)
    store_byte(to, OPEN)
    store_byte(to + 1, APOSTROPHE)
    to = copy_bytes(to + 2, name, length)
    store_byte(to, APOSTROPHE)
    store_byte(to + 1, CLOSE)
    return to + 2


@compiled
def path_room(program, node):
    """The bytes that the path of a node takes at most."""
    room = 0
    while node > 0:
        room += load_item(program.name_length, node) + STEP
        node = load_item(program.parent, node)
    return room


@compiled
def write_path(to, program, slots, node, slot):
    """Writes the path of a slot of a node; returns the address after it. That of the record is empty."""
    begin = to
    length = 0
    walk = node
    while walk > 0:
        length += 1
        walk = load_item(program.parent, walk)
    for step in range(length):  # from the record down: find the ancestor `length - 1 - step` levels up
        walk, place = node, slot
        for _ in range(length - 1 - step):
            if load_item(program.kind, load_item(program.parent, walk)) == LIST:
                place = slots.owner[slots.base[walk] + place]
            walk = load_item(program.parent, walk)
        above = load_item(program.parent, walk)
        if load_item(program.kind, above) == LIST:
            owner = slots.owner[slots.base[walk] + place]
            store_byte(to, OPEN)
            to = write_integer(to + 1, place - slots.starts[slots.base[above] + owner])
            store_byte(to, CLOSE)
            to += 1
        else:
            to = write_name(
                to,
                program.names + load_item(program.name_start, walk),
                load_item(program.name_length, walk),
                to == begin,
            )
    return to


@compiled
def write_label(to, fields, program, slots, node, slot, key, key_end):
    """Writes `"path.key":` behind `fields` others of the same record; returns the address after it.

    The key is written as it came; it is left out where it ends before it begins.
    """
    store_byte(to, COMMA if fields else OPEN_OBJECT)
    store_byte(to + 1, QUOTE)
    path = to + 2
    to = write_path(path, program, slots, node, slot)
    if key_end >= key:
        to = write_name(to, key, key_end - key, to == path)
    store_byte(to, QUOTE)
    store_byte(to + 1, COLON)
    return to + 2


@compiled
def write_field(to, room, fields, program, slots, node, slot, key, key_end, value, end):
    """Writes a label and its value, as it came; returns the length, or -1 where `room` may not be enough."""
    if path_room(program, node) + (key_end - key) + (end - value) + 2 * STEP > room:
        return -1
    behind = write_label(to, fields, program, slots, node, slot, key, key_end)
    return copy_bytes(behind, value, end - value) - to


@compiled
def write_text(to, at, end):
    """Writes a text as a JSON string, six bytes at most for each of its own; returns the address after it."""
    store_byte(to, QUOTE)
    to += 1
    while at < end:
        byte = load_byte(at)
        if byte == QUOTE or byte == BACKSLASH:
            store_byte(to, BACKSLASH)
            to += 1
        if byte < 0x20:
            store_byte(to, BACKSLASH)
            store_byte(to + 1, 0x75)
            store_byte(to + 2, 0x30)
            store_byte(to + 3, 0x30)
            store_byte(to + 4, 0x30 + (byte >> 4))
            store_byte(to + 5, (0x30 if byte & 15 < 10 else 0x57) + (byte & 15))
            to += 6
        else:
            store_byte(to, byte)
            to += 1
        at += 1
    store_byte(to, QUOTE)
    return to + 1

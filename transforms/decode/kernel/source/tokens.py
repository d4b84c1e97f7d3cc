"""Records of JSON into tokens: for each value of each node of the contract, what it is and where it lies.

Nothing is copied or converted: a token is a tag and the span of the value's text. One pass checks the whole
grammar, UTF-8 and duplicate keys included, also of what the contract does not know.
"""

from __future__ import annotations

import numpy as np

from transforms.decode.kernel.codes import (
    ACCEPTED,
    ARRAY,
    DONE,
    DUPLICATE_KEY,
    LIST,
    MALFORMED,
    MISSING,
    MORE_ELEMENTS,
    MORE_RESCUE,
    NOT_AN_OBJECT,
    OBJECT,
    REFUSE_FIELD,
    RESCUE_FIELD,
    STRUCT,
    UNKNOWN_FIELD,
)
from transforms.decode.kernel.source.compiled import compiled, entry
from transforms.decode.kernel.source.grammar import (
    CLOSE_ARRAY,
    CLOSE_OBJECT,
    COLON,
    COMMA,
    OPEN_ARRAY,
    OPEN_OBJECT,
    scan_value,
    skip_lines,
    skip_space,
)
from transforms.decode.kernel.source.memory import (
    bytes_at,
    ints_at,
    load_byte,
    load_item,
    load_word,
    longs_at,
    store_byte,
)
from transforms.decode.kernel.source.nodes import program_at, slots_at
from transforms.decode.kernel.source.paths import write_field
from transforms.decode.kernel.source.text import QUOTE, scan_string, unescape


@compiled
def same_bytes(left, right, length):
    """Whether `length` bytes at two addresses are equal; may look at seven more."""
    while length >= 8:
        if load_word(left) != load_word(right):
            return False
        left, right, length = left + 8, right + 8, length - 8
    if length == 0:
        return True
    return (load_word(left) ^ load_word(right)) << np.uint64(64 - 8 * length) == 0


@compiled
def child_named(program, node, key, length):
    """The child of `node` whose name is the `length` bytes at `key`; -1 where there is none."""
    for child in range(
        load_item(program.first, node), load_item(program.first, node) + load_item(program.fanout, node)
    ):
        if load_item(program.name_length, child) == length and same_bytes(
            key, program.names + load_item(program.name_start, child), length
        ):
            return child
    return -1


@compiled
def child_escaped(program, node, key, end, scratch):
    """Like `child_named` for a key with escapes; a lone surrogate is no name that a contract could hold."""
    length = unescape(key, end, scratch)
    return child_named(program, node, scratch, length) if length >= 0 else -1


@compiled
def copy_longs(target, source):
    """Makes `target` equal to `source`."""
    for i in range(target.size):
        target[i] = source[i]


@compiled
def forget(record, program, slots, kept):
    """Takes back all tokens of a record that turned out to be broken."""
    for node in range(program.nodes):
        space = load_item(program.space, node)
        begin = record if space == 0 else kept[space]
        end = record + 1 if space == 0 else slots.used[space]
        for slot in range(begin, end):
            slots.tags[slots.base[node] + slot] = MISSING
    copy_longs(slots.used, kept)


@compiled
def match_key(program, node, expected, at, scratch):
    """(child, end of the key's text) for the key that opens at `at`; (-1, end) for a name the contract lacks.

    `expected` is the child behind the last one: keys mostly come in the order of the contract, and then
    their text is only compared. The end is minus the verdict where there is no key.
    """
    if load_byte(at) != QUOTE:
        return -1, -MALFORMED
    key = at + 1
    if expected < load_item(program.first, node) + load_item(program.fanout, node):
        end = key + load_item(program.name_length, expected)
        if load_byte(end) == QUOTE and same_bytes(
            key, program.names + load_item(program.name_start, expected), end - key
        ):
            return expected, end
    end, escaped = scan_string(key)
    if end < 0:
        return -1, end
    if escaped:
        return child_escaped(program, node, key, end, scratch), end
    return child_named(program, node, key, end - key), end


@compiled
def verdict_of_other(at, end, opened, limit):
    """The verdict on a record that does not begin as an object."""
    after, _ = scan_value(at, opened, limit)
    if after < 0:
        return -after
    return NOT_AN_OBJECT if after <= end and skip_lines(after) >= end else MALFORMED


@entry
def tokenize(
    block,
    records,
    offsets,
    program,
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
    """Reads all records; record r is `block[offsets[r]:offsets[r + 1]]`, which ends with white space.

    Writes the tokens; for each refused record a verdict (uint8) and the node that it is about (int32); and
    the fields without a place, as one JSON object a record: `text[text_offsets[r]:text_offsets[r + 1]]`,
    `room` bytes in all. `memory` is for the tokenizer alone, see `decode.tokenized`. Returns DONE, or
    which output was too small: then everything written is void.

    This is one long function because it is one loop over a state of eight numbers, the hottest of all.
    """
    program, slots = program_at(program), slots_at(slots)
    offsets, text_offsets = longs_at(offsets, records + 1), longs_at(text_offsets, records + 1)
    verdicts, about_nodes = bytes_at(verdicts, records), ints_at(about_nodes, records)
    nodes, spaces = program.nodes, slots.used.size
    stack = longs_at(memory, 3 * nodes + spaces)
    outer_node, outer_slot, outer_next = stack[:nodes], stack[nodes : 2 * nodes], stack[2 * nodes : 3 * nodes]
    kept = stack[3 * nodes :]
    opened = memory + 8 * stack.size  # `limit` bytes
    scratch = opened + limit  # as many bytes as the longest record has
    written = 0
    for r in range(records):
        text_offsets[r] = written
        copy_longs(kept, slots.used)
        end = block + offsets[r + 1]
        at = skip_space(block + offsets[r])
        if load_byte(at) != OPEN_OBJECT:
            verdicts[r] = verdict_of_other(at, end, opened, limit)
            continue
        slots.tags[slots.base[0] + r] = OBJECT
        depth, node, slot, expected, closing = 0, 0, r, load_item(program.first, 0), CLOSE_OBJECT
        verdict, about, fields = ACCEPTED, 0, 0
        at = skip_space(at + 1)
        empty = load_byte(at) == closing
        while True:
            if not empty:
                # A member: its key, the child it belongs to, its value.
                key, key_end = at + 1, at
                if closing == CLOSE_OBJECT:
                    child, key_end = match_key(program, node, expected, at, scratch)
                    if key_end < 0:
                        verdict = -key_end
                        break
                    at = skip_space(key_end + 1)
                    if load_byte(at) != COLON:
                        verdict = MALFORMED
                        break
                    at = skip_space(at + 1)
                    token = slots.base[child] + slot
                    if child >= 0:
                        expected = child + 1
                        if slots.tags[token] != MISSING:
                            verdict, about = DUPLICATE_KEY, child
                            break
                else:
                    child = load_item(program.first, node)
                    space = load_item(program.space, child)
                    element = slots.used[space]
                    if element >= slots.capacity[space]:
                        return MORE_ELEMENTS
                    slots.used[space] = element + 1
                    token = slots.base[child] + element
                    slots.owner[token] = slot
                if child >= 0:
                    kind, byte = load_item(program.kind, child), load_byte(at)
                    if (kind == STRUCT and byte == OPEN_OBJECT) or (kind == LIST and byte == OPEN_ARRAY):
                        outer_node[depth], outer_slot[depth], outer_next[depth] = node, slot, expected
                        depth += 1
                        slot = token - slots.base[child]
                        node, expected, closing = child, load_item(program.first, child), byte + 2
                        slots.tags[token] = OBJECT if kind == STRUCT else ARRAY
                        slots.starts[token] = (
                            slots.used[load_item(program.space, expected)] if kind == LIST else at - block
                        )
                        at = skip_space(at + 1)
                        empty = load_byte(at) == closing
                        continue
                value = at
                at, tag = scan_value(value, opened, limit)
                if at < 0:
                    verdict = -at
                    break
                if child >= 0:
                    slots.tags[token], slots.starts[token], slots.ends[token] = tag, value - block, at - block
                elif on_unknown == REFUSE_FIELD:
                    verdict, about = UNKNOWN_FIELD, node
                    break
                elif on_unknown == RESCUE_FIELD:
                    length = write_field(
                        text + written,
                        room - written,
                        fields,
                        program,
                        slots,
                        node,
                        slot,
                        key,
                        key_end,
                        value,
                        at,
                    )
                    if length < 0:
                        return MORE_RESCUE
                    written += length
                    fields += 1
                at = skip_space(at)
            # Behind a member, or at the end of an empty container.
            while depth >= 0 and load_byte(at) == closing:
                depth -= 1
                if depth < 0:
                    break
                if closing == CLOSE_ARRAY:
                    slots.ends[slots.base[node] + slot] = slots.used[
                        load_item(program.space, load_item(program.first, node))
                    ]
                node, slot, expected = outer_node[depth], outer_slot[depth], outer_next[depth]
                closing = CLOSE_OBJECT if load_item(program.kind, node) == STRUCT else CLOSE_ARRAY
                at = skip_space(at + 1)
            if depth < 0:
                if at >= end or skip_lines(at + 1) < end:
                    verdict = MALFORMED
                break
            if load_byte(at) != COMMA:
                verdict = MALFORMED
                break
            at = skip_space(at + 1)
            empty = False
        if verdict != ACCEPTED:
            forget(r, program, slots, kept)
            written = text_offsets[r]
            verdicts[r], about_nodes[r] = verdict, about
        elif fields > 0:
            store_byte(text + written, CLOSE_OBJECT)
            written += 1
    text_offsets[records] = written
    return DONE

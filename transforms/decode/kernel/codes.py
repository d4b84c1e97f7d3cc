"""The numbers by which the parts of the kernel speak to each other.

A *node* is a column, a field or a list element of the contract. Each value of a node in a record has a
*tag*: what was found there. A *verdict* says why a record or a value was refused; `REASONS[verdict]` is
the word that the quarantine uses.
"""

from __future__ import annotations

# What was found. TEXT is a string without escapes; INTEGER a number without fraction and exponent.
MISSING, NULL, FALSE, TRUE, INTEGER, NUMBER, TEXT, ESCAPED_TEXT, OBJECT, ARRAY = range(10)

# What the contract has there.
LEAF, STRUCT, LIST = range(3)

# Why it was refused.
(
    ACCEPTED,
    MALFORMED,
    INVALID_UTF8,
    TOO_DEEP,
    DUPLICATE_KEY,
    NOT_AN_OBJECT,
    MISSING_REQUIRED,
    TYPE_MISMATCH,
    OUT_OF_RANGE,
    PRECISION_LOSS,
    UNPARSABLE,
    LONE_SURROGATE,
    UNKNOWN_FIELD,
) = range(13)

REASONS = (
    "accepted",
    "malformed_json",
    "invalid_utf8",
    "too_deep",
    "duplicate_key",
    "not_an_object",
    "missing_required",
    "type_mismatch",
    "out_of_range",
    "precision_loss",
    "unparsable",
    "lone_surrogate",
    "unknown_field",
)

# Whether the text of a timestamp has an offset from UTC: never, always, or what the clock showed without one.
NO_OFFSET, OFFSET, OFFSET_OR_LOCAL = range(3)

NO_EPOCH = -1
"""Numbers are no timestamps; else the digits behind a second's point that their unit stands for."""

VALID_LOCAL = 2
"""In place of 1 where the value is what a clock showed: left to the caller to put into UTC."""

UNSURE = 255
"""The verdict on a float that one rounding does not give: left to the caller of the kernel."""

# What becomes of a field that the contract does not know.
RESCUE_FIELD, IGNORE_FIELD, REFUSE_FIELD = range(3)

PADDING = 64
"""Zero bytes after the used part of a block: no scan and no 16-byte load leaves the block."""

# Why `tokenize` came back before the end of its records: an output is too small.
DONE, MORE_ELEMENTS, MORE_RESCUE = range(3)

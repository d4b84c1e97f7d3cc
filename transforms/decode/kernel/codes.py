"""The numbers by which the parts of the kernel speak to each other.

A *node* is a column, a field or a list element of the contract. Each value of a node in a record has a
*tag*: what was found there. A *verdict* says why a record or a value was refused; `REASONS[verdict]` is
the word that the quarantine uses.
"""

from __future__ import annotations

# What was found. TEXT is a string without escapes; INTEGER a number without fraction and exponent; NO_JSON
# the text of a cell that should be JSON and is not.
MISSING, NULL, FALSE, TRUE, INTEGER, NUMBER, TEXT, ESCAPED_TEXT, OBJECT, ARRAY, NO_JSON = range(11)

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
    MALFORMED_CSV,
    UNKNOWN_HEADER,
) = range(15)

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
    "malformed_csv",
    "unknown_header",
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

# Why `tokenize` came back before the end of its records: an output is too small; or `tokenize_cells`: it must
# write on the text, which is not its own.
DONE, MORE_ELEMENTS, MORE_RESCUE, OWN_TEXT = range(4)

# What the cells of a column are read as.
TEXT_CELL, NUMBER_CELL, BOOLEAN_CELL, JSON_CELL = range(4)

# Where `frame_document` is in a document: behind the bracket that opens it, a comma, an element, the bracket
# that closes it; between values without an array; in a value; behind what no document holds.
IN_ARRAY, BEHIND_COMMA, BEHIND_ELEMENT, BEHIND_ARRAY, LOOSE, IN_ELEMENT, IN_SCALAR, BROKEN = range(8)

# Where `frame_cells` is in a record: at the start of a cell, in one without quotes, between quotes, behind a
# quote that closes a cell or is the first of two.
AT_CELL, IN_CELL, IN_QUOTES, BEHIND_QUOTE = range(4)

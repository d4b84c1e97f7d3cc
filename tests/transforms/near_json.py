"""Documents near the edges of JSON's grammar: valid ones, and those with one token or one byte changed."""

from __future__ import annotations

from hypothesis import strategies as st

MAX_NESTING = 6
"""What towers of brackets are built around; low, so that they stay small."""

LITERALS = [
    "null",
    "true",
    "false",
    "nul",
    "True",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "nullx",
    "tru",
]
NUMBERS = [
    *("0", "-0", "1", "-1", "0.0", "1.5", "1e5", "1E+5", "1e-5", "-0.0e-0", "9223372036854775808", "1e400"),
    *("-1e400", "1e-400", "9" * 400, "0." + "0" * 400 + "1", "-", "+1", "1.", ".5", "-.5", "01", "-01", "00"),
    *(
        "1e",
        "1e+",
        "1E-",
        "1.e5",
        "1.5.5",
        "1e5.5",
        "0x10",
        "1_000",
        "0e",
        "1 2",
        "--1",
        "- 1",
        "1e99999",
        "٣",
    ),
]
STRINGS = [
    *('""', '"a"', '"é"', '"😀"', '"\u2028"', '"\u2029"', '"\x7f"', '"\x80"', '"\ufeff"', '"\U0010ffff"'),
    *('"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\ud83d\\u0041"'),
    *('"\\ud83dx"', '"\\ud83d\\n"', '"\\ud83d\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\\uDBFF\\uDFFF"'),
    *(
        '"\\u0000"',
        '"\\""',
        '"\\\\"',
        '"\\/"',
        '"\\b\\f\\n\\r\\t"',
        '"\\u00e"',
        '"\\u00g0"',
        '"\\x41"',
        '"\\a"',
    ),
    *('"\\U00e9"', '"\\\'"', "'a'", '"', '"a', 'a"', '"\\"', '"\\', '"\x00"', '"\x1f"', '"\t"', '"a"b"', "a"),
    *('"2021-07-21"', '"' + "x" * 33 + '\\u00e9"', '"' + "é" * 20 + '"', '"' + "x" * 15 + '\x1f"'),
]
BROKEN_UTF8 = [
    *(
        b"\x80",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xc3",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
    ),
    *(
        b"\xe2\x80",
        b"\xf0\x80\x80\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xff",
    ),
    *(b"\xfe\xff", b"\xf0\x9f\x98", b"\xef\xbb\xbf"),
]
STRUCTURE = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "{}",
    "[]",
    "[,]",
    "{,}",
    ",,",
    "/**/",
    "//",
    "#",
    ";",
    "\x00",
    "\x1a",
]
SPACE = ["", " ", "\t", "\r", " \r\t ", "\x0b", "\x0c", "\u00a0", "\u2028", "\ufeff", "\x85", "\x00"]
KEYS = ["value", "s", "a", "l", "m", "t", "n", "x", "", "a.b", "\\u0076alue", "v\\u0061lue", "é", "\\ud800"]

Tokens = list[bytes]
scalars = st.sampled_from(
    [*LITERALS[:3], *NUMBERS[:16], *(text for text in STRINGS[:24] if '\\u00e"' not in text)]
).map(lambda text: [text.encode()])
broken = st.sampled_from(
    [text.encode() for text in [*LITERALS, *NUMBERS, *STRINGS, *STRUCTURE, *SPACE]]
    + [b'"' + text + b'"' for text in BROKEN_UTF8]
    + BROKEN_UTF8
    + [b'"%s":1' % key.encode() for key in KEYS]
)
spaces = st.lists(st.sampled_from([b"", b"", b"", b" ", b"\t", b"\r", b" \t\r"]), min_size=3, max_size=3)


def _joined(parts: list[Tokens], opening: bytes, closing: bytes, space: list[bytes]) -> Tokens:
    inner = [token for part in parts for token in (b",", space[1], *part)][1:]
    return [space[0], opening, *inner, space[2], closing]


def _containers(inner: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    members = st.tuples(st.sampled_from(KEYS), inner).map(
        lambda pair: [b'"' + pair[0].encode() + b'"', b":", *pair[1]]
    )
    return st.builds(_joined, st.lists(inner, max_size=3), st.just(b"["), st.just(b"]"), spaces) | st.builds(
        _joined, st.lists(members, max_size=4), st.just(b"{"), st.just(b"}"), spaces
    )


values = st.recursive(scalars, _containers, max_leaves=8)
towers = st.tuples(
    st.integers(MAX_NESTING - 2, MAX_NESTING + 2), st.sampled_from([(b"[", b"]"), (b'{"x":', b"}")])
).map(lambda pair: [pair[1][0]] * pair[0] + [b"1"] + [pair[1][1]] * pair[0])
members = st.tuples(st.sampled_from(KEYS[:8]), values | towers).map(
    lambda pair: [b'"' + pair[0].encode() + b'"', b":", *pair[1]]
)
documents = st.builds(_joined, st.lists(members, max_size=4), st.just(b"{"), st.just(b"}"), spaces) | values


@st.composite
def near_documents(draw: st.DrawFn) -> bytes:
    """A document in which at most one token or one byte is not as it was."""
    tokens = draw(documents)
    at = draw(st.integers(0, len(tokens)))
    match draw(st.sampled_from(["nothing", "insert", "replace", "remove", "double", "byte", "cut"])):
        case "insert":
            tokens = [*tokens[:at], draw(broken), *tokens[at:]]
        case "replace":
            tokens = [*tokens[:at], draw(broken), *tokens[at + 1 :]]
        case "remove":
            tokens = [*tokens[:at], *tokens[at + 1 :]]
        case "double":
            tokens = [*tokens[:at], *tokens[max(0, at - 1) :]]
        case "byte" if text := b"".join(tokens):
            place = draw(st.integers(0, len(text) - 1))
            return text[:place] + bytes([draw(st.integers(0, 255))]) + text[place + 1 :]
        case "cut":
            return b"".join(tokens)[: draw(st.integers(0, 60))]
    return b"".join(tokens)

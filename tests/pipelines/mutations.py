"""Bytes that something happened to on their way."""

from __future__ import annotations

from hypothesis import strategies as st

EDGES = [*(bytes([byte]) for byte in b'\x00\n\r"\\{}[],:\xff'), b"\xef\xbb\xbf", b"\x1f\x8b"]
SMALL = st.integers(0, 8)


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with up to four places changed, cut out, doubled, filled in, or with its end missing."""
    text = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(SMALL | st.integers(0, len(text)))
        match draw(st.sampled_from(["set", "flip", "cut", "double", "insert", "end"])):
            case "set":
                text[at : at + 1] = draw(st.binary(min_size=1, max_size=1) | st.sampled_from(EDGES))
            case "flip" if at < len(text):
                text[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del text[at : at + length]
            case "double":
                text[at:at] = text[at : at + length]
            case "insert":
                text[at:at] = draw(st.binary(max_size=8) | st.sampled_from(EDGES))
            case "end":
                del text[at:]
    return bytes(text)

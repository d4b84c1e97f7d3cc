"""Files of several forms, read together into small blocks, are what each one is alone."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.reading.framing import Framing, LineFraming
from tests.transforms.text_framing import cells, document, document_or_lines, read_text, read_texts


def lines(_path: str) -> Framing:
    return LineFraming()


Make = Callable[[str], Framing]

FRAMINGS: list[Make] = [lines, document, document_or_lines, cells(), cells(header=False), cells("\t")]
contents = st.lists(
    st.sampled_from(
        [b"\n", b"\r\n", b" ", b"[", b"]", b",", b'{"a":1}', b"1", b'"', b"a,b\n", b"b\ta\n", b"\xef\xbb\xbf"]
    )
    | st.just(b"x" * 60),
    max_size=15,
).map(b"".join)


@settings(max_examples=300)
@given(st.lists(st.tuples(contents, st.sampled_from(FRAMINGS)), max_size=6), st.integers(16, 90))
def test_read_blocks_of_several_forms_gives_what_each_file_gives_alone(
    files: list[tuple[bytes, Make]], block_bytes: int
) -> None:
    texts = [text for text, _ in files]

    together = read_texts(
        texts, lambda path: files[int(path.rpartition("/")[2])][1](path), block_bytes=block_bytes
    )

    for found, (text, framing) in zip(together, files, strict=True):
        alone = read_text(text, framing)
        assert found.records == alone.records
        assert [(one.reason, one.offset, one.data) for one in found.damages] == [
            (one.reason, one.offset, one.data) for one in alone.damages
        ]


@settings(max_examples=200)
@given(
    st.lists(st.tuples(contents, st.sampled_from(FRAMINGS)), max_size=4),
    st.integers(16, 40),
    st.integers(0, 40),
)
def test_read_blocks_under_a_limit_accounts_for_every_byte(
    files: list[tuple[bytes, Make]], block_bytes: int, more_bytes: int
) -> None:
    """Records and damages follow each other without overlapping; only what separates them is left over."""
    texts = [text for text, _ in files]
    limit = block_bytes + more_bytes

    found = read_texts(
        texts,
        lambda path: files[int(path.rpartition("/")[2])][1](path),
        block_bytes=block_bytes,
        max_record_bytes=limit,
    )

    for one, text in zip(found, texts, strict=True):
        spans = [(offset, len(record)) for offset, record in one.records]
        spans += [(damage.offset, damage.length) for damage in one.damages]
        end = 0
        for offset, length in sorted(spans):
            assert offset >= end
            assert not text[end:offset].strip(b" \t\r\n,[]\xef\xbb\xbf") or end == 0
            end = offset + length
        assert not text[end:].strip(b" \t\r\n,[]\xef\xbb\xbf") or not spans
        assert all(text[offset : offset + len(record)] == record for offset, record in one.records)
        assert all(damage.data == b"" or len(damage.data) == damage.length for damage in one.damages)

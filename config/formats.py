"""How files are written and compressed, as their names tell.

    .ndjson .jsonl .ldjson       one JSON object a line
    .json                        an array of objects where the file begins with one, else one object a line
    .csv .tsv .tab               cells, behind one another; tabs between them by the last two suffixes
    .parquet .pq                 Parquet
    .arrow .arrows .ipc .feather Arrow IPC, file or stream
    .avro                        Avro object container files
    all others                   one JSON object a line

A suffix that tells of compression comes after these: `events.ndjson.gz`.
"""

from __future__ import annotations

from typing import Final, Literal

Format = Literal["ndjson", "json", "csv", "parquet", "ipc", "avro"]
FileFormat = Literal[Format, "json or ndjson"]
TypedFormat = Literal["parquet", "ipc", "avro"]
Compression = Literal["none", "gzip", "zstd", "bzip2", "xz"]

TYPED: Final = ("parquet", "ipc", "avro")
"""The formats whose files say themselves which types their columns have."""

COMPRESSIONS: Final[dict[str, Compression]] = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".bz2": "bzip2",
    ".xz": "xz",
}
_FORMATS: Final[dict[str, FileFormat]] = {
    ".json": "json or ndjson",
    **dict.fromkeys((".ndjson", ".jsonl", ".ldjson"), "ndjson"),
    **dict.fromkeys((".csv", ".tsv", ".tab"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".arrows", ".ipc", ".feather"), "ipc"),
    ".avro": "avro",
}
_TABS: Final = (".tsv", ".tab")
SUFFIXES: Final = (*COMPRESSIONS, *_FORMATS)
"""All suffixes that tell of a format or of compression."""


def compression_of(name: str) -> Compression:
    """How a file of this name is compressed."""
    lower = name.lower()
    return next((kind for suffix, kind in COMPRESSIONS.items() if lower.endswith(suffix)), "none")


def format_of(name: str) -> FileFormat:
    """How a file of this name is written."""
    bare = _uncompressed(name)
    return next((kind for suffix, kind in _FORMATS.items() if bare.endswith(suffix)), "ndjson")


def delimiter_of(name: str) -> str:
    """What is between the cells of a CSV file of this name."""
    return "\t" if _uncompressed(name).endswith(_TABS) else ","


def _uncompressed(name: str) -> str:
    lower = name.lower()
    for suffix in COMPRESSIONS:
        lower = lower.removesuffix(suffix)
    return lower

"""What a spec must say of how files are written: nothing where their names tell it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from config.formats import Compression, Format, format_of
from pipelines.proposal.recognize import family_of, is_default, is_named

Notes = tuple[tuple[tuple[str, ...], str], ...]
"""What is to be said of the source, by key: of the whole of it by none; of one key, several things."""

_BY_CONTENTS = "by the contents: the names of the files do not tell"


def declared_format(landed: Iterable[str], kinds: Mapping[str, Format]) -> tuple[dict[str, object], Notes]:
    """The `format` to declare, and what is to be said of it.

    Args:
        landed: The paths of all files.
        kinds: The format of each of those that were looked at, all of one family.
    """
    ((main, _),) = Counter(kinds.values()).most_common(1)
    by_name = Counter(_by_name(path) for path in landed if is_named(path))
    others = {kind: count for kind, count in by_name.most_common() if family_of(kind) != family_of(main)}
    told = ", ".join(f"{count:,} {kind}" for kind, count in others.items())
    if not all(is_default(path, kind) for path, kind in kinds.items()):
        also = f"; it is taken for all files, also for those named otherwise: {told}" if told else ""
        return {"format": main}, ((("format",), _BY_CONTENTS + also),)
    if not told and len(set(kinds.values())) == 1:
        return {"format": main}, ()
    seen = f"files of several formats, told by their suffixes: {', '.join(sorted(set(kinds.values())))}"
    also = f", which the columns are from, and {told}" if told else ""
    return {}, (((), seen + also),)


def declared_compression(told: Sequence[Compression | None]) -> tuple[dict[str, object], Notes]:
    """The `compression` to declare, from what contents say that names do not, file by file."""
    kinds = set(told)
    if kinds == {None}:
        return {}, ()
    if len(kinds) == 1:
        return {"compression": kinds.pop()}, ((("compression",), _BY_CONTENTS),)
    named = ", ".join(sorted(filter(None, kinds)))
    return {}, (((), f"some files are compressed ({named}) and not named so: a run cannot read them"),)


def _by_name(path: str) -> str:
    kind = format_of(path)
    return "json" if kind == "json or ndjson" else kind

"""What a spec must say of how files are written: nothing where their names tell it all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from config.formats import Compression, Format, format_of
from pipelines.proposal.recognize import family_of, is_default, is_named

Notes = dict[tuple[str, ...], str]


def declared_format(
    landed: Iterable[str], paths: Sequence[str], kinds: Sequence[Format]
) -> tuple[dict[str, object], Notes]:
    """The `format` to declare, and what is to be said of it.

    Args:
        landed: The paths of all files.
        paths: Those of the files that were looked at.
        kinds: The format of each of these.
    """
    ((main, _),) = Counter(kinds).most_common(1)
    others = Counter(
        _by_name(path) for path in landed if is_named(path) and family_of(_by_name(path)) != family_of(main)
    )
    told = ", ".join(f"{count:,} {kind}" for kind, count in others.most_common())
    if not all(map(is_default, paths, kinds)):
        notes: Notes = {("format",): "by the contents: the names of the files do not tell"}
        if told:
            notes["format",] += f"; it is taken for all files, also for those named otherwise: {told}"
        return {"format": main}, notes
    if not told and len(set(kinds)) == 1:
        return {"format": main}, {}
    seen = f"files of several formats, told by their suffixes: {', '.join(sorted(set(kinds)))}"
    if told:
        seen += f", which the columns are from, and {told}"
    return {}, {(): seen}


def declared_compression(told: Sequence[Compression | None]) -> tuple[dict[str, object], Notes]:
    """The `compression` to declare, from what contents say that names do not, file by file."""
    kinds = set(told)
    (first, *more) = kinds
    if first is None and not more:
        return {}, {}
    note = "by the contents: the names of the files do not tell"
    if first is not None and not more:
        return {"compression": first}, {("compression",): note}
    return {}, {(): f"some files are compressed ({', '.join(sorted(filter(None, kinds)))}) and not named so"}


def _by_name(path: str) -> str:
    kind = format_of(path)
    return "json" if kind == "json or ndjson" else kind

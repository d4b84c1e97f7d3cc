"""What maintenance did, or why it did nothing, as a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.cli.plain_text import counted, size, whole
from storage.maintenance.tending import Tended


def sentence(one: Tended) -> str:
    """What became of a task of maintenance, and why; without the table's name."""
    if one.state != "done":
        verb = {"compact": "not compacted", "vacuum": "nothing removed", "checkpoint": "no checkpoint"}
        return f"{verb[one.task]}: {one.why}"
    return f"{_SAID[one.task](one.counts)}: {one.why}"


def _compacted(counts: Mapping[str, int]) -> str:
    told = counts["columns_told_again"]
    again = f"readers skip files by {counted(told, 'more column')}" if told else ""
    if not counts["files_removed"] and not counts["left_to_others"]:
        return again
    lost = f"; {counts['left_to_others']} left to other writers" if counts["left_to_others"] else ""
    return (
        f"{counted(counts['files_removed'], 'file')} ({size(counts['bytes_removed'])}) made "
        f"{whole(counts['files_added'])} ({size(counts['bytes_added'])}), "
        f"with the same {counted(counts['rows'], 'row')}{lost}{again and '; ' + again}"
    )


def _vacuumed(counts: Mapping[str, int]) -> str:
    failed = f"; {whole(counts['failed'])} could not be removed" if counts["failed"] else ""
    kept = f", {whole(counts['kept'])} kept" if counts["kept"] else ""
    return f"{counted(counts['files'], 'file')} ({size(counts['bytes'])}) removed{kept}{failed}"


def _checkpointed(counts: Mapping[str, int]) -> str:
    done = {
        "checkpoint": "checkpoint at version {}",
        "old_checkpoints": "{} old checkpoints removed",
        "expired": "{} expired files of the log removed",
    }
    return ", ".join(text.format(whole(counts[name])) for name, text in done.items() if name in counts)


_SAID = {"compact": _compacted, "vacuum": _vacuumed, "checkpoint": _checkpointed}

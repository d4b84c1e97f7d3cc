"""How far a batch is, in words and in percent."""

from __future__ import annotations

from pipelines.flows.progress import Reached, ShownProgress


def test_reached_with_a_known_size_counts_bytes() -> None:
    at = Reached(batch=3, files=12, total=4 * 2**30, began=100.0, read=2**30, file=5)

    assert at.percent() == 25.0
    assert at.sentence(now=116.0) == "batch 3: read 1.0 GiB of 4.0 GiB, file 5 of 12, 64.0 MiB/s"


def test_reached_with_an_unknown_size_counts_files() -> None:
    at = Reached(batch=3, files=12, total=None, began=100.0, read=2**30, file=7)

    assert at.percent() == 50.0
    assert at.sentence(now=116.0) == "batch 3: read 1.0 GiB, file 7 of 12, 64.0 MiB/s"


def test_reached_beyond_what_was_planned_is_never_more_than_all() -> None:
    assert Reached(batch=1, files=1, total=10, began=0.0, read=11).percent() == 100.0


def test_reached_nothing_yet_can_be_said() -> None:
    assert Reached(batch=1, files=1, total=0, began=5.0).sentence(5.0).endswith("file 1 of 1, 0 B/s")


def reached(progress: ShownProgress) -> tuple[int, int, float] | None:
    """Bytes, file and percent; None between batches."""
    at = progress.reached
    return None if at is None else (at.read, at.file, at.percent())


def test_shown_progress_of_a_batch_follows_what_it_is_told() -> None:
    progress = ShownProgress()
    progress.read(0, 5)
    assert reached(progress) is None

    progress.planned(2, 3, 100)
    progress.read(0, 10)
    progress.read(1, 20)
    assert reached(progress) == (30, 2, 30.0)

    progress.committed(2, 7)
    assert reached(progress) is None

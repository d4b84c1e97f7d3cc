"""The log is read once, and then what comes; one that loses its beginning lowers no counter."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from config.pipeline import Pipeline
from pipelines.metrics.families import FAMILIES
from pipelines.metrics.tables import FollowedTable
from pipelines.reports.status import waiting_of
from pipelines.run import run
from storage.errors import TableError
from storage.landing.listing import list_landing
from storage.tables.log import batches
from tests.conftest import Store
from tests.pipelines.scraping import agreeing, counters, scraped, watch_of
from tests.pipelines.taking_in import SETTINGS, a_pipeline, event, land


def take_in(pipeline: Pipeline, store: Store, first: int, past: int) -> None:
    """A batch for each number: a good record and a bad one."""
    for number in range(first, past):
        land(store, f"{pipeline.name}-{number}.ndjson", event(number), b"bad")
        run(pipeline, SETTINGS)


def log_of(pipeline: Pipeline) -> Path:
    return Path(pipeline.table.uri) / "_delta_log"


def expire(pipeline: Pipeline, up_to: int) -> None:
    """What a clean-up of the log leaves: a checkpoint, and the commits from there."""
    from deltalake import DeltaTable

    table = DeltaTable(pipeline.table.uri, version=up_to)
    table.create_checkpoint()
    for version in range(up_to):
        (log_of(pipeline) / f"{version:020}.json").unlink()


def test_counters_stay_when_commits_expire_and_a_new_process_tells_how_many(
    local: Store, tmp_path: Path
) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline)
    take_in(pipeline, local, 0, 5)
    before = counters(agreeing(watch, pipeline))

    expire(pipeline, 3)
    assert counters(scraped(watch)) == before
    take_in(pipeline, local, 5, 6)
    after, late = scraped(watch), scraped(watch_of(tmp_path / "specs"))

    assert (after["penstock_batches_total",], after["penstock_uncounted_batches",]) == (6, 0)
    assert after["penstock_records_read_total",] == 12
    assert (late["penstock_batches_total",], late["penstock_uncounted_batches",]) == (6, 3)
    assert late["penstock_records_read_total",] == 6
    assert late["penstock_up",] == 1


def test_long_log_whose_beginning_is_gone_is_listed_first(
    local: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = a_pipeline(local)
    take_in(pipeline, local, 0, 4)
    expire(pipeline, 2)
    monkeypatch.setattr(batches, "_FEW", 1)

    found = dict(batches.read_batches(pipeline.table.uri, 0, 3))

    assert [(version, one.batch) for version, one in found.items() if one] == [(2, 3), (3, 4)]


def test_counters_begin_again_with_a_table_that_is_made_anew(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline)
    take_in(pipeline, local, 0, 3)
    agreeing(watch, pipeline)

    shutil.rmtree(local.at("lake"))
    gone = scraped(watch)
    run(pipeline, SETTINGS)

    assert gone["penstock_batches_total",] == 0
    assert ("penstock_table_version",) not in gone
    assert agreeing(watch, pipeline)["penstock_records_read_total",] == 6


def test_pipelines_of_one_table_are_counted_apart(local: Store, tmp_path: Path) -> None:
    one = a_pipeline(local, name="one", source={"uri": local.at("landing/one-*")})
    two = a_pipeline(local, name="two", source={"uri": local.at("landing/two-*")})
    watch = watch_of(tmp_path / "specs", one, two)
    land(local, "other.ndjson")

    take_in(one, local, 0, 2)
    take_in(two, local, 0, 1)
    take_in(one, local, 2, 3)

    assert agreeing(watch, one)["penstock_batches_total",] == 3
    assert agreeing(watch, two)["penstock_batches_total",] == 1


def test_looking_again_reads_nothing_where_nothing_changed(
    local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline, listed_s=1000.0)
    take_in(pipeline, local, 0, 2)
    before = counters(scraped(watch))

    def never(*_: object) -> None:
        raise AssertionError("read again")

    for module, name in (("tables", "open_table"), ("observed", "open_table"), ("observed", "waiting_of"),
                         ("observed", "open_by_reason"), ("tables", "read_batches")):  # fmt: skip
        monkeypatch.setattr(f"pipelines.metrics.{module}.{name}", never)

    assert counters(scraped(watch)) == before
    assert scraped(watch)["penstock_up",] == 1


def test_landing_zone_is_listed_when_the_ledger_changes_or_time_is_up(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline, listed_s=1000.0)
    land(local, "a.ndjson", event(1))

    assert scraped(watch)["penstock_waiting_files",] == 1
    land(local, "b.ndjson", event(2))
    assert scraped(watch)["penstock_waiting_files",] == 1
    run(pipeline, SETTINGS)
    assert scraped(watch)["penstock_waiting_files",] == 0
    assert agreeing(watch_of(tmp_path / "specs"), pipeline)["penstock_batches_total",] == 1


def test_commit_that_tells_nothing_is_an_error_and_what_came_before_stays(
    local: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline)
    take_in(pipeline, local, 0, 1)
    agreeing(watch, pipeline)
    take_in(pipeline, local, 1, 2)
    newest = log_of(pipeline) / f"{1:020}.json"
    good = newest.read_text()
    newest.write_text(good.replace('"steps"', '"stairs"'))

    bad, still = scraped(watch), scraped(watch)

    assert (bad["penstock_up",], bad["penstock_errors_total",], still["penstock_errors_total",]) == (0, 1, 2)
    assert ("penstock_batches_total",) not in bad
    assert len([one for one in caplog.records if "does not tell its counts" in one.message]) == 1
    newest.write_text(good)
    assert agreeing(watch, pipeline)["penstock_errors_total",] == 2


def test_commit_that_is_no_delta_commit_is_refused(local: Store) -> None:
    pipeline = a_pipeline(local)
    take_in(pipeline, local, 0, 1)
    (log_of(pipeline) / f"{1:020}.json").write_text('{"commitInfo": ')

    with pytest.raises(TableError, match="cannot be understood"):
        list(batches.read_batches(pipeline.table.uri, 1, 1))


def test_followed_table_is_counted_once_by_many_threads(local: Store) -> None:
    pipeline = a_pipeline(local)
    take_in(pipeline, local, 0, 3)
    table = FollowedTable(pipeline.table.uri)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(table.look("events").totals.records_read))
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [6] * 8


def test_slow_landing_zone_holds_up_nobody_else(
    local: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = a_pipeline(local, name="slow", source={"uri": local.at("landing/slow-*")})
    fast = a_pipeline(local, name="fast", table={"uri": local.at("lake/fast")})
    land(local, "a.ndjson", event(1))
    release = threading.Event()

    def waits(pipeline: Pipeline) -> object:
        if pipeline.name == "slow":
            release.wait()
        return waiting_of(pipeline)

    monkeypatch.setattr("pipelines.metrics.observed.waiting_of", waits)
    watch = watch_of(tmp_path / "specs", slow, fast, patience_s=0.1)
    try:
        while not scraped(watch, "fast"):
            assert not scraped(watch, "slow")
        assert scraped(watch, "fast")["penstock_waiting_files",] == 1
        assert not scraped(watch, "slow")
    finally:
        release.set()
    while not scraped(watch, "slow"):
        pass
    assert scraped(watch, "slow")["penstock_up",] == 1


def test_pipelines_that_cannot_be_looked_at_hide_no_others(
    local: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = a_pipeline(local)
    homeless = a_pipeline(local, name="homeless", source={"uri": local.at("nowhere")})
    specs = tmp_path / "specs"
    watch = watch_of(specs, good, homeless)
    (specs / "broken.yaml").write_text("name: [")
    (specs / "twin.yaml").write_text((specs / "events.yaml").read_text())
    land(local, "a.ndjson", event(1))

    agreeing(watch, good)

    for name in ("broken", "twin"):
        assert scraped(watch, name)["penstock_up",] == 0
        assert {key for key, *_ in scraped(watch, name)} == {one.name for one in FAMILIES[:3]}
    assert scraped(watch, "homeless")["penstock_up",] == 0
    assert scraped(watch, "homeless")["penstock_batches_total",] == 0
    assert ("penstock_waiting_files",) not in scraped(watch, "homeless")
    for name in ("broken", "homeless", "twin"):
        assert len([one for one in caplog.records if name in one.getMessage()]) == 1
    (specs / "broken.yaml").unlink()
    (specs / "twin.yaml").unlink()
    assert not scraped(watch, "broken") | scraped(watch, "twin")


def test_pipeline_file_that_is_mended_is_followed(local: Store, tmp_path: Path) -> None:
    pipeline = a_pipeline(local)
    watch = watch_of(tmp_path / "specs", pipeline)
    file = tmp_path / "specs" / "events.yaml"
    land(local, "a.ndjson", event(1))
    text = file.read_text()
    file.write_text("name: nothing else")

    assert scraped(watch)["penstock_up",] == 0
    file.write_text(text + "alerts: {lag: 90s, quarantine_share: 5%}\n")
    samples = agreeing(watch, pipeline)

    assert samples["penstock_alert_lag_seconds",] == 90
    assert samples["penstock_alert_quarantine_ratio",] == 0.05
    assert samples["penstock_errors_total",] == 1
    assert list_landing(pipeline.source.location).height == 1

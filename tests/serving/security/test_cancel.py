"""A statement that its client cancels ends at the server, and its turn is free."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import adbc_driver_manager
import pytest

from tests.serving.security.test_limits import NO_ROW_YET, connected, connected_to_process

_ONE_AT_ONCE = 'statements_at_once = 1, wait_time = "30s"'
_ENDLESS = "select * from generate_series(1, 1000000000000)"


def test_cancel_while_rows_are_fetched_frees_the_turn(lake: Path, tmp_path: Path) -> None:
    with connected(lake, tmp_path, _ONE_AT_ONCE) as cursor, cursor.connection.cursor() as other:
        cursor.execute(_ENDLESS)
        batches = cursor.fetch_record_batch()
        assert batches.read_next_batch().num_rows > 0
        cursor.adbc_cancel()
        with pytest.raises(OSError, match=r"(?i)cancel"):
            for _ in batches:
                pass

        other.execute("select count(*) from events")
        assert other.fetchall() == [(10,)]


def test_cancel_before_the_first_row_frees_the_turn(lake: Path, tmp_path: Path) -> None:
    with (
        connected_to_process(lake, tmp_path, _ONE_AT_ONCE) as cursor,
        cursor.connection.cursor() as other,
    ):

        def asked() -> None:
            cursor.execute(NO_ROW_YET)
            cursor.fetchall()

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(asked)
            time.sleep(0.5)
            while not running.done():  # the driver forgets what is cancelled between two of its requests
                cursor.adbc_cancel()
                time.sleep(0.1)
            with pytest.raises(adbc_driver_manager.Error, match=r"(?i)cancel"):
                running.result()

        other.execute("select count(*) from events")
        assert other.fetchall() == [(10,)]

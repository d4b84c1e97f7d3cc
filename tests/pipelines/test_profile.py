"""Where the CPU time of a process goes."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import polars as pl

from pipelines.profile import STAGES, Profile, stage_of
from storage.layout.parquet_file import encode_parquet
from transforms.decode.lines import split


def test_profile_books_the_time_of_a_thread_to_its_stage() -> None:
    text = np.concatenate([np.frombuffer(b'{"id":1}\n' * 200_000, np.uint8), np.zeros(64, np.uint8)])
    split(text, len(text) - 64, np.zeros(1, np.int64))  # loads the kernel
    used_s: list[float] = []

    def work() -> None:
        while time.thread_time() < 0.3:
            split(text, len(text) - 64, np.zeros(1, np.int64))
        used_s.append(time.thread_time())

    thread = threading.Thread(target=work)
    with Profile() as profile:
        thread.start()
        thread.join()

    # Other threads of this process may be busy too.
    assert 0.7 * used_s[0] < profile.seconds["split"] <= used_s[0]
    assert profile.seconds["decode"] < 0.1 * used_s[0]


def test_profile_books_the_threads_of_polars_to_whoever_waits_for_them() -> None:
    frame = pl.DataFrame({"a": np.random.default_rng(1).random(300_000)})

    with Profile() as profile:
        for _ in range(5):
            encode_parquet(frame)

    assert profile.cpu_seconds()["write"] > 0.5 * sum(profile.cpu_seconds().values())
    assert set(profile.cpu_seconds()) <= set(STAGES)


def test_stage_of_thread_outside_of_penstock_is_other() -> None:
    assert stage_of(sys._getframe().f_back) == "other"
    assert stage_of(None) == "other"

"""Many clients that ask again and again: `python -m benchmarks.serving.latency URI QUESTION CLIENTS SECONDS`.

Each client is a thread with a connection of ADBC of its own, which asks and fetches, and asks again at once.
They are in a few processes (at most `PROCESSES` unless a fifth argument says how many), so that they wait for
the server and not for one lock of Python; they share the cores with it. Prints the requests that were
answered, the median and the 99th percentile of their seconds, and the CPU seconds of the clients for each.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from statistics import quantiles

import adbc_driver_flightsql.dbapi as flight_sql

from benchmarks.serving.questions import DAYS, QUESTIONS, USERS

PROCESSES = 4
_PATIENCE_S = 120
_SPAWN = get_context("spawn")
_begin: list[Barrier] = []


def ask_again(uri: str, sql: str, seed: int, seconds: float) -> list[float]:
    """The seconds of each request of one client; users and days are drawn by `seed`."""
    drawn = random.Random(seed)
    taken = []
    with flight_sql.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        _ask(cursor, sql, drawn)  # its first is not counted
        for barrier in _begin:
            barrier.wait(_PATIENCE_S)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            _ask(cursor, sql, drawn)
            taken.append(time.perf_counter() - began)
    return taken


def _ask(cursor: flight_sql.Cursor, sql: str, drawn: random.Random) -> None:
    cursor.execute(sql.format(day=drawn.choice(DAYS), user=drawn.randrange(USERS)))
    cursor.fetch_arrow_table()


def _ask_together(uri: str, sql: str, seeds: Iterable[int], seconds: float) -> tuple[list[float], float]:
    """The clients of one process: the seconds of all their requests, and their CPU seconds."""
    clients, began = list(seeds), time.process_time()
    with ThreadPoolExecutor(len(clients)) as threads:
        each = threads.map(lambda seed: ask_again(uri, sql, seed, seconds), clients)
        try:
            taken = [one for found in each for one in found]
        except flight_sql.Error as error:
            raise SystemExit(str(error)) from None  # its own cannot go from process to process
    return taken, time.process_time() - began


def main() -> None:
    """Asks for some seconds."""
    uri, question, clients, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    processes = min(clients, int(sys.argv[5]) if len(sys.argv) > 5 else PROCESSES)
    begin = _SPAWN.Barrier(clients)
    with ProcessPoolExecutor(processes, _SPAWN, _begin.append, (begin,)) as pool:
        running = [
            pool.submit(_ask_together, uri, QUESTIONS[question], range(first, clients, processes), seconds)
            for first in range(processes)
        ]
        found = [one.result() for one in running]
    taken = [one for each, _ in found for one in each]
    cuts = quantiles(taken, n=100, method="inclusive")
    told = {"requests": len(taken), "median_s": cuts[49], "p99_s": cuts[98]}
    print(json.dumps({**told, "client_cpu_s": sum(cpu for _, cpu in found) / (len(taken) + clients)}))


if __name__ == "__main__":
    main()

"""Many clients that ask again and again: `python -m benchmarks.serving.latency URI QUESTION CLIENTS SECONDS`.

Each client is a thread with a connection of ADBC of its own, which asks and fetches, and asks again at once.
They are one process beside the server, so that both share the cores. Prints the requests that were answered,
the median and the 99th percentile of their seconds, and the CPU seconds of the clients for each.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import adbc_driver_flightsql.dbapi as flight_sql

from benchmarks.serving.questions import DAYS, QUESTIONS, USERS


def ask_again(uri: str, sql: str, seed: int, begin: threading.Barrier, seconds: float) -> list[float]:
    """The seconds of each request of one client; users and days are drawn by `seed`."""
    drawn = random.Random(seed)
    taken = []
    with flight_sql.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        _ask(cursor, sql, drawn)  # its first is not counted
        begin.wait()
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            _ask(cursor, sql, drawn)
            taken.append(time.perf_counter() - began)
    return taken


def _ask(cursor: flight_sql.Cursor, sql: str, drawn: random.Random) -> None:
    cursor.execute(sql.format(day=drawn.choice(DAYS), user=drawn.randrange(USERS)))
    cursor.fetch_arrow_table()


def main() -> None:
    """Asks for some seconds."""
    uri, question, clients, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    begin = threading.Barrier(clients)
    began = time.process_time()
    with ThreadPoolExecutor(clients) as threads:
        running = [
            threads.submit(ask_again, uri, QUESTIONS[question], seed, begin, seconds)
            for seed in range(clients)
        ]
        taken = [one for each in running for one in each.result()]
    cpu_s = time.process_time() - began
    cuts = quantiles(taken, n=100, method="inclusive")
    told = {"requests": len(taken), "median_s": cuts[49], "p99_s": cuts[98]}
    print(json.dumps({**told, "client_cpu_s": cpu_s / (len(taken) + clients)}))


if __name__ == "__main__":
    main()

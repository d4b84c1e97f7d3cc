"""Fuzzes every decoder and whole jobs: `make fuzz MINUTES=5`, or `python -m tests.fuzz.run --minutes 5`.

Targets take turns in an order that the first seed tells, each round in a process of its own with its own
seed, so that a crash or an endless loop of native code is a finding like others. Prints rounds, executions,
seeds and findings; exits with 1 on a finding, which `python -m tests.fuzz.one_round TARGET SEED` finds again.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from itertools import count, cycle
from pathlib import Path

from tests.fuzz.targets import TARGETS

DEADLINE_S = 600
"""Of one round, which takes some seconds where nothing hangs."""
LOG = Path(".bench/fuzz")


def run_round(target: str, seed: int) -> tuple[int, str]:
    """The executions, and what was found; the latter is empty where nothing was."""
    command = [sys.executable, "-m", "tests.fuzz.one_round", target, str(seed)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return 0, f"no end after {DEADLINE_S} s"
    executions = ran.stdout.rpartition("\n")[0].rpartition("\n")[2] if ran.returncode in (0, 1) else ""
    if ran.returncode == 0:
        return int(executions), ""
    said = f"{ran.stdout}\n{ran.stderr}\nexit status {ran.returncode}"
    return (int(executions) if executions.isdigit() else 0), said


def fuzz(minutes: float, first_seed: int, targets: list[str]) -> list[str]:
    """Rounds until the time is up, at least one; what was found, as the arguments that find it again."""
    until, executions, findings = time.monotonic() + minutes * 60, Counter[str](), list[str]()
    for number, target in zip(count(), cycle(targets), strict=False):
        if number and time.monotonic() > until:
            break
        seed = first_seed + number
        tried, found = run_round(target, seed)
        executions[target] += tried
        print(
            f"  {target:24} seed {seed}: {tried:6,} executions{', FOUND SOMETHING' if found else ''}",
            flush=True,
        )
        if found:
            LOG.mkdir(parents=True, exist_ok=True)
            log = LOG / f"{target}-{seed}.log"
            log.write_text(found, encoding="utf-8")
            findings.append(f"{target} {seed}: see {log}")
    for target, total in executions.items():
        print(f"{target:26} {total:9,} executions")
    print(f"{executions.total():,} executions with seeds from {first_seed}, {len(findings)} findings")
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    any_seed = random.SystemRandom().randrange(10**6)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=any_seed, help="of the first round")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"default: all of {', '.join(TARGETS)}")
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"no such target: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    targets = options.targets or random.Random(options.seed).sample(list(TARGETS), len(TARGETS))
    findings = fuzz(options.minutes, options.seed, targets)
    for finding in findings:
        print(f"found: python -m tests.fuzz.one_round {finding}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()

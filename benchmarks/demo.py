"""`make demo`: lands generated events, some of them bad, runs a pipeline over them and shows what came out.

Everything is made under ./demo, which git does not know; each run starts it anew. Every command is
printed as one would type it.
"""

from __future__ import annotations

import gzip
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.events import write_events
from benchmarks.pipeline_file import write_pipeline_file

DEMO = Path("demo")
PIPELINE = DEMO / "events.yaml"
TABLE = DEMO / "lake" / "events"
EVENTS = 100_000
SHOWN = 60

GOOD = b'{"id":"%d","type":"PushEvent","actor":{"id":7},"created_at":"2026-01-05T10:00:00Z"}'
SURPRISING = b'{"surprise":[1,2],"id":"2","type":"PushEvent","created_at":"2026-01-05T10:00:00Z"}'
BAD_RECORDS = (
    ("cut off in the middle", b'{"id":"b1","type":"PushEvent","actor":{"id":1},'),
    ("1.5 is no int64", b'{"id":"b2","actor":{"id":1.5},"type":"Push","created_at":"2026-01-05T10:00:00Z"}'),
    ("not a time stamp", b'{"id":"b3","created_at":"yesterday","type":"PushEvent"}'),
    ("no id, which is required", b'{"type":"PushEvent","created_at":"2026-01-05T10:00:00Z"}'),
    ("fails an expectation", b'{"id":"b5","type":"","created_at":"2026-01-05T10:00:00Z"}'),
    ("not UTF-8", b'{"id":"\xff","type":"PushEvent","created_at":"2026-01-05T10:00:00Z"}'),
    ("not an event at all", b"null"),
)


def main() -> None:
    """Runs the demo; stops at the first command that fails, with its exit status."""
    shutil.rmtree(DEMO, ignore_errors=True)
    land()
    write_pipeline_file(PIPELINE, landing=DEMO / "landing", table=TABLE)
    print(f"\nThe pipeline, {PIPELINE}:\n\n{PIPELINE.read_text(encoding='utf-8')}")
    show("Take in what has landed:", "run", PIPELINE)
    show("Once more: every file is taken in exactly once.", "run", PIPELINE)
    show("Where the pipeline stands:", "status", PIPELINE)
    show("What was rejected, and why:", "quarantine", PIPELINE)
    show("The proof that no record was lost or doubled, from storage alone:", "verify", PIPELINE)
    select = ("--select", "id,actor,tags,created_at")
    show("The table:", "scan", TABLE, "--where", "actor.id < 50 and repo.id > 0", *select, "--limit", "5")
    print(f"\nAll of it is under ./{DEMO}. README.md goes on with a pipeline of your own.")


def land() -> None:
    """Fills the landing zone: good events plain and compressed, bad records, a file that was cut off."""
    landing = DEMO / "landing"
    files = write_events(landing, EVENTS, events_per_file=20_000, compressions=("none", "gzip", "zstd"))
    bad = landing / "from-a-bad-day.ndjson"
    bad.write_bytes(b"\n".join([GOOD % 1, SURPRISING, *(record for _, record in BAD_RECORDS)]) + b"\n")
    cut = landing / "cut-off.ndjson.gz"
    cut.write_bytes(gzip.compress(b"\n".join(GOOD % number for number in range(3, 2003)), mtime=0)[:-200])
    print(f"Landed {EVENTS:,} events as {len(files)} files, plain, gzip and zstd. Beside them")
    print(f"  {cut.name}: a gzip file without its end")
    print(f"  {bad.name}: a good record, one with a field that the contract does not know, and")
    for why, record in BAD_RECORDS:
        text = record.decode(errors="replace")
        print(f"    {why:26} {text if len(text) <= SHOWN else text[: SHOWN - 1] + '…'}")


def show(title: str, *arguments: str | Path) -> None:
    """Prints and runs one `penstock` command.

    Raises:
        SystemExit: It failed; with its exit status.
    """
    print(f"\n{title}\n$ {shlex.join(['penstock', *map(str, arguments)])}", flush=True)
    command = Path(sys.executable).with_name("penstock")
    status = subprocess.run([command, *arguments], check=False).returncode
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()

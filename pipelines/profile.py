"""Where the CPU time of a run goes, stage by stage: looked at from outside, some hundred times a second.

Nothing in the hot path is instrumented. A thread looks at all others, and books the CPU time that each has
used since the last look to the stage that its innermost known frame belongs to. Threads without Python
frames are those of Polars: they encode and sort where somebody waits for that, and else run the transforms.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from pipelines.errors import PipelineError

_PAUSE_S: Final = 0.004
_ROOT: Final = Path(__file__).parents[1]

STAGES: Final = (
    "imports", "plan", "read", "decompress", "split", "decode", "conform", "transform", "write", "commit",
    "other",
)  # fmt: skip

# By the path of a module within Penstock: the first that fits, of the innermost frame that any fits.
_STAGE_OF: Final = (
    ("storage/reading/raw_", "read"),
    ("storage/reading/streams/stream", "read"),
    ("storage/reading/streams/", "decompress"),
    ("storage/reading/typed", "decode"),
    ("storage/reading/block", "split"),
    ("storage/reading/framing", "split"),
    ("storage/reading/", "read"),
    ("storage/landing/", "plan"),
    ("storage/tables/ledger/", "plan"),
    ("storage/tables/quarantine", "write"),
    ("storage/tables/", "commit"),
    ("storage/layout/", "write"),
    ("transforms/decode/kernel/", ""),  # whoever called it
    ("transforms/decode/lines", "split"),
    ("transforms/decode/framing", "split"),
    ("transforms/decode/", "decode"),
    ("transforms/", "conform"),
    ("pipelines/reading/", "conform"),
    ("pipelines/query", "transform"),
    ("pipelines/batch", "transform"),
)


class Profile:
    """Watches this process while its block runs; Linux only.

    Attributes:
        seconds: CPU seconds of each stage that took any.

    Raises:
        PipelineError: This system does not tell the CPU time of single threads.
    """

    def __init__(self) -> None:
        if not hasattr(time, "pthread_getcpuclockid"):
            raise PipelineError(
                "this system does not tell the CPU time of single threads",
                got=sys.platform,
                expected="Linux",
                next_step="run without --profile",
            )
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._used: dict[int, float] = {}
        self._process_s = time.process_time()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="penstock-profile", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self.seconds.clear()  # what was used before
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PAUSE_S):
            self._look()

    def _look(self) -> None:
        # No other thread gets its turn meanwhile: asking for the clock of one that has ended is fatal.
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(1)
        self._book_all()
        sys.setswitchinterval(usual_s)

    def _book_all(self) -> None:
        frames = sys._current_frames()
        stages = {thread: stage_of(frame) for thread, frame in frames.items()}
        stages.pop(threading.get_ident())
        process_s = time.process_time()
        native_s = process_s - self._process_s - self._own(threading.get_ident())
        self._process_s = process_s
        for thread, stage in stages.items():
            spent_s = self._own(thread)
            native_s -= spent_s
            self._book(stage, spent_s)
        waited_for = "write" if "write" in stages.values() else "transform"
        self._book(waited_for, max(0.0, native_s))

    def _own(self, thread: int) -> float:
        """CPU seconds of a thread since the last look."""
        used_s = time.clock_gettime(time.pthread_getcpuclockid(thread))
        # A thread that is new, or has the identity of one that ended, counts from its beginning.
        before_s = self._used.get(thread, 0.0)
        self._used[thread] = used_s
        return used_s - (before_s if before_s <= used_s else 0.0)

    def _book(self, stage: str, spent_s: float) -> None:
        if spent_s > 0:
            self.seconds[stage] += spent_s

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds by stage, in the order of the path of the data; stages without any are left out."""
        return {stage: round(self.seconds[stage], 3) for stage in STAGES if self.seconds[stage] >= 0.0005}


def stage_of(frame: FrameType | None) -> str:
    """The stage that a thread is at, by its innermost frame that belongs to one; imports are a stage."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith("<frozen importlib"):
            return "imports"
        if path.startswith(str(_ROOT)):
            inside = path[len(str(_ROOT)) + 1 :]
            stage = next((stage for start, stage in _STAGE_OF if inside.startswith(start)), "")
            if stage:
                return stage
        frame = frame.f_back
    return "other"

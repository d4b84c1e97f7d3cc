"""A file is looked at by a process of its own, because hostile bytes crash parsers."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, cast

from pipelines.errors import InspectionError
from pipelines.inspection.child import Request
from pipelines.inspection.document import Inspection
from storage.reading.typed.child import OUT_OF_MEMORY
from storage.reading.typed.reader_process import spared_environment

_CHILD = "pipelines.inspection.child"
_WORDS = {
    "truncated_file": "the file ends before its time",
    "corrupt_file": "the file is damaged",
    "unsupported_schema": "the file holds types that cannot be read",
}


def inspect_untrusted(request: Request, path: str) -> Inspection:
    """The document about the file at `path`, which `request` has open; the descriptor stays the caller's.

    Raises:
        InspectionError: It is damaged, wants more memory than allowed, or made its reader crash.
    """
    # -P: a file `numpy.py` in the current folder is not what anybody means.
    ran = subprocess.run(
        [sys.executable, "-P", "-m", _CHILD, request.encoded()],
        pass_fds=(request.descriptor,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=spared_environment(),
        check=False,
    )
    if ran.returncode == OUT_OF_MEMORY:
        raise InspectionError(
            "one column of one row group or batch does not fit into the memory allowed",
            where=path,
            next_step="give PENSTOCK_MEMORY more",
        )
    if ran.returncode:
        what = "the process that reads the file ended before it was done"
        got = f"exit status {ran.returncode}"
        raise InspectionError(what, where=path, got=got, next_step="look whether the file is damaged")
    found: dict[str, Any] = json.loads(ran.stdout)  # row objects allowed: what is told of a file
    if "damage" in found:
        raise InspectionError(_WORDS[found["damage"]], where=path, got=found["detail"])
    return cast(Inspection, found | {"path": path})

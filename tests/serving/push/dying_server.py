"""A server that is killed within a push: FOLDER ZONE CONTRACT POINT URI_FILE.

POINT is one of `POINTS`, or of `PARTS` for object stores, in the order in which a push passes them.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import storage.landing.new_local_file
import storage.landing.new_object
from serving.push.push import Pushes
from serving.push.stored import StoredRows
from tests.serving.push.pushing import pushable

POINTS = ("before the file", "in the middle", "before it ends", "before it lands", "landed", "answered")
PARTS = ("create_multipart_upload", "upload_part", "complete_multipart_upload")


def main() -> int:
    """Serves until it dies."""
    folder, zone, point, uri_file = sys.argv[1:]
    _arm(point)
    with pushable(Path(folder), zone) as pushed:
        Path(uri_file + ".new").write_text(f"{pushed.uri}\n{pushed.token}")
        Path(uri_file + ".new").rename(uri_file)
        signal.pause()
    return 0


def _arm(point: str) -> None:
    match point:
        case "before the file":
            StoredRows.__init__ = _dying(StoredRows.__init__, before=True)  # type: ignore[method-assign]
        case "in the middle":
            StoredRows.write = _dying(StoredRows.write, calls=2)  # type: ignore[method-assign]
        case "before it ends":
            StoredRows.end = _dying(StoredRows.end, before=True)  # type: ignore[method-assign]
        case "before it lands":
            StoredRows.end = _dying(StoredRows.end)  # type: ignore[method-assign]
        case "landed":
            local, remote = storage.landing.new_local_file, storage.landing.new_object
            local._sync = _dying(local._sync, before=True)  # behind the link
            remote._land = _dying(remote._land)
        case "answered":
            Pushes.take = _dying(Pushes.take)  # type: ignore[method-assign]
        case _:
            _arm_request(point)


def _arm_request(method: str) -> None:
    """Dies behind the request, which the store has answered."""
    module = storage.landing.new_object
    call = module._call

    def dying(uri: str, name: str, **request: object) -> Any:
        answer = call(uri, name, **request)
        if name == method:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    module._call = dying  # type: ignore[assignment]


def _dying(function: Callable[..., Any], *, calls: int = 1, before: bool = False) -> Callable[..., Any]:
    """The function, which kills its process at its `calls`th call."""
    left = [calls]

    def dying(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if before and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = function(*arguments, **named)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return dying

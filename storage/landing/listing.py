"""What lies in a landing zone; nothing there is ever changed."""

from __future__ import annotations

import polars as pl

from storage.errors import UnreadableNameError
from storage.filesystem import is_remote
from storage.landing.local_listing import list_local
from storage.landing.object_listing import list_objects

LANDING_SCHEMA = pl.Schema(
    {
        "path": pl.String(),
        "identity": pl.String(),
        "size": pl.Int64(),
        "modified": pl.Datetime("us", "UTC"),
    }
)


def list_landing(uri: str) -> pl.DataFrame:
    """The files that `uri` stands for: one row a file, sorted by path. Eager; reads names, never contents.

    Columns: `path`, the full path (`s3://bucket/key`, or absolute), verbatim; `identity`, ETag or size and
    modification time, which tells versions of one path apart; `size` in bytes as stored; `modified`. No null.

    `uri` is a folder with all folders below, one file, or a pattern: `*`, `?` and `[…]` within a name, `**`
    between slashes for any number of folders; `[*]` and `[?]` mean these characters themselves.

    Not taken in, unless `uri` names the very file: names (of folders too) that start with `.` or `_`, or
    end with `.tmp`, `.part` or `._COPYING_`; so producers may write under such a name, and rename. Links to
    files are followed, links to folders below `uri` are not. Empty files are listed.

    Raises:
        NotFoundError: The folder or bucket does not exist. `NothingLandedError` on object storage, where a
            prefix without objects may be a folder that was emptied.
        AccessDeniedError: It, or a folder below, may not be listed.
        UnreadableNameError: A file name is not UTF-8.
        UnsupportedLocationError: A pattern that means nothing.
        UnavailableError: The store did not answer; retryable.
    """
    files = list_objects(uri) if is_remote(uri) else list_local(uri)
    try:
        return pl.DataFrame(files, schema=LANDING_SCHEMA, orient="row").sort("path")
    except UnicodeEncodeError as exc:
        raise UnreadableNameError(
            "a file name in the landing zone is not UTF-8",
            where=uri,
            got=ascii(exc.object),
            expected="names in UTF-8",
            next_step="rename the file, or give it a name that starts with _",
        ) from exc

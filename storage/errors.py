"""The errors of storage.

    StorageError                   base of all of them; final unless marked
    ├── UnsupportedLocationError   a URI that names no store known here
    ├── NotFoundError              a folder, file, bucket or table that is not there
    │   ├── NothingLandedError     an object-store prefix without a single object
    │   └── FileVanishedError      a file that was planned, but is gone now
    ├── AccessDeniedError          wrong or missing credentials, no permission
    ├── FileChangedError           a file that was planned, but holds something else now
    ├── UnreadableNameError        a file name that is not UTF-8
    ├── ConcurrentRunError         another run of the same pipeline was faster
    ├── StaleReadError             others changed rows of the table that a commit was made from
    ├── UnsafeStoreError           a store in which the commits of a table can be lost
    ├── IrreversibleError          a batch that cannot be taken out of its table any more, or not yet
    ├── TableError                 a Delta table that cannot be read or written as asked
    │   ├── TableSchemaError       columns or types that Delta cannot hold, or that differ from the table's
    │   └── FeatureError           columns that are no numbers, or hold nulls where none can be
    ├── OutOfSpaceError            the disk or the quota is full
    └── UnavailableError           retryable: the store did not answer, or asked for patience

*Final* means that the same call fails again until somebody changes something. `storage.upstream` turns the
exceptions of the libraries below into these.
"""

from __future__ import annotations

from typing import ClassVar

from config.errors import PenstockError


class StorageError(PenstockError):
    """Something that touches storage failed."""


class UnsupportedLocationError(StorageError):
    """A URI that names no store known here."""


class NotFoundError(StorageError):
    """A folder, file, bucket or table that is not there."""


class NothingLandedError(NotFoundError):
    """An object-store prefix without a single object: an emptied folder and a mistyped name look alike."""


class FileVanishedError(NotFoundError):
    """A file of the planned batch is gone; the batch waits, because no file is ever skipped."""

    @classmethod
    def of(cls, path: str) -> FileVanishedError:
        """The error for one file."""
        return cls(
            "a file that was planned for this batch is not there any more",
            where=path,
            expected="files that stay in the landing zone until their batch is committed",
            next_step="put the same file back and run again: the batch is kept, and no file is skipped",
        )


class AccessDeniedError(StorageError):
    """The store refused: wrong or missing credentials, or no permission."""


class FileChangedError(StorageError):
    """A file of the planned batch holds something else than when it was planned."""

    @classmethod
    def of(cls, path: str, *, got: str, expected: str) -> FileChangedError:
        """The error for one file and the identities of its contents."""
        return cls(
            "a file that was planned for this batch has been changed since",
            where=path,
            got=got,
            expected=f"{expected} (size and modification time in nanoseconds, or ETag)",
            next_step="put the planned version back, with its modification time, and run again; "
            "let producers write new names, or write elsewhere and rename",
        )


class UnreadableNameError(StorageError):
    """A file name that is not UTF-8, which no Delta table can keep."""


class ConcurrentRunError(StorageError):
    """Another run of the same pipeline was faster; nothing of this one became visible."""


class StaleReadError(StorageError):
    """Others changed rows of the table that a commit was made from; nothing of it became visible."""


class UnsafeStoreError(StorageError):
    """A store that lets two writers create one object, so that the commits of a table can be lost."""


class IrreversibleError(StorageError):
    """A batch cannot be taken out of its table: others build on it, or what it replaced is gone."""


class TableError(StorageError):
    """A Delta table that cannot be read or written as asked."""


class TableSchemaError(TableError):
    """Columns or types that Delta cannot hold without loss, or that differ from the table's."""


class FeatureError(TableError):
    """Columns of a table cannot be handed over as numbers: by their type, their nulls, or their values."""


class OutOfSpaceError(StorageError):
    """The disk or the quota is full."""


class UnavailableError(StorageError):
    """The store did not answer, or asked for patience."""

    retryable: ClassVar[bool] = True

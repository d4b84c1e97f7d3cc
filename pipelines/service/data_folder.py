"""The folder of all that the service keeps: the store's files, Prefect's history, logs, credentials."""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import ServiceError


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Its places; nothing is there before `open_data_folder`.

    Attributes:
        lock: An open file; whoever has it open holds the folder.
    """

    path: Path
    lock: int

    @property
    def store(self) -> Path:
        """The files of the object store."""
        return self.path / "store"

    @property
    def prefect(self) -> Path:
        """Prefect's database and settings."""
        return self.path / "prefect"

    @property
    def access(self) -> Path:
        """The access file of `penstock serve`, where the operator made one."""
        return self.path / "access.toml"

    @property
    def markers(self) -> Path:
        """One empty file for each part that is ready."""
        return self.path / "ready"

    @property
    def environment_file(self) -> Path:
        """What a shell sources to reach the store and Prefect."""
        return self.path / "penstock.env"

    def log(self, part: str) -> Path:
        """The log of a part; older lines are in files beside it."""
        return self.path / "logs" / f"{part}.log"

    def last_line(self, part: str) -> str:
        """What a part said last; empty where it said nothing."""
        log = self.log(part)
        return log.read_text(encoding="utf-8").rstrip().rpartition("\n")[2] if log.exists() else ""

    def secret(self, name: str) -> str:
        """Random text, made once and kept in a file that only its owner can read."""
        file = self.path / "secrets" / name
        if not file.exists():
            write_private(file, secrets.token_hex(20))
        return file.read_text(encoding="ascii")

    def keep_environment(self, environment: Mapping[str, str]) -> None:
        """Writes the file that a shell sources."""
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
        write_private(self.environment_file, "".join(lines))


def open_data_folder(path: Path) -> DataFolder:
    """Makes the folder where it is not there, and takes it for this process and those that it starts.

    Raises:
        ServiceError: Another service has it, or it cannot be written to.
    """
    try:
        for name in ("", "logs", "prefect", "ready", "secrets", "store"):
            (path / name).mkdir(mode=0o700, parents=not name, exist_ok=True)
        (path / ".gitignore").write_text("*\n")
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ServiceError(
            "the data folder cannot be used",
            where=path,
            got=error.strerror,
            next_step="choose another with --data",
        ) from error
    _take(lock, path)
    for marker in (path / "ready").iterdir():
        marker.unlink()
    return DataFolder(path.resolve(), lock)


def write_private(file: Path, text: str) -> None:
    """Replaces a file in one step by one that only its owner can read."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(
        os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as stream:
        stream.write(text)
    new.replace(file)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(lock, 20, 0).decode() or "unknown"
        os.close(lock)
        raise ServiceError(
            "a service is running with this data folder already",
            where=path,
            got=f"process {owner}",
            next_step="stop that one, or choose another folder and other ports: penstock up --help",
        ) from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)

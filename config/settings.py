"""What is set for the whole process, read once at the entry point and passed down.

    variable              default       unit and meaning
    PENSTOCK_MEMORY       512 MiB       the memory budget: bounds blocks, and rows that wait to be written
    PENSTOCK_MAX_RECORD   64 MiB        a longer record is quarantined as record_too_long
    PENSTOCK_MAX_UNPACKED 16 GiB        a typed file that is longer once decompressed is too_large_unpacked
    PENSTOCK_MAX_NESTING  512           deeper JSON is quarantined; levels of arrays and objects
    PENSTOCK_PIPELINES    pipelines.d   the folder of pipeline files; `run NAME` finds NAME.yaml there
    PENSTOCK_THREADS      all cores     decoding threads
    PENSTOCK_CACHE        1 GiB         `serve` keeps so much of the tables decoded; 0 for nothing
    PENSTOCK_ENGINE       local         of pipelines that name none: local or dask
    PENSTOCK_DASK_SCHEDULER a local one the address of a Dask scheduler, such as tcp://10.0.0.7:8786
    PENSTOCK_DASK_WORKERS all cores     worker processes of a local Dask cluster
    PENSTOCK_SETTINGS     penstock.toml a file with `memory = "1 GiB"` and so on; variables go before it

Credentials are not settings: object stores read the standard `AWS_…` variables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from config.errors import InvalidValueError, SettingsError
from config.settings_file import Given, given_settings
from config.units import format_bytes, parse_bytes

MIB: Final = 2**20
_GIB: Final = 2**30
_NAMES: Final = (
    "MEMORY", "MAX_RECORD", "MAX_UNPACKED", "MAX_NESTING", "PIPELINES", "THREADS",
    "CACHE", "ENGINE", "DASK_SCHEDULER", "DASK_WORKERS",
)  # fmt: skip
_ADDRESS: Final = re.compile(r"([a-z]+://)?[\w.-]+:\d{1,5}|[a-z]+://\[[0-9a-f:.]+\]:\d{1,5}")
_SMALLEST_MEMORY_BYTES: Final = 64 * MIB
_LARGEST_BLOCK_BYTES: Final = 16 * MIB
_LARGEST_RECORD_BYTES: Final = 2**30
"""The decoder counts the bytes of a block in 32 bits."""


def available_cores() -> int:
    """The cores that this process may use: fewer than the machine has, inside a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The limits of this process; see the module for the variables."""

    memory_bytes: int = 512 * MIB
    max_record_bytes: int = 64 * MIB
    max_unpacked_bytes: int = 16 * _GIB
    max_nesting: int = 512
    pipelines: Path = Path("pipelines.d")
    threads: int = field(default_factory=available_cores)
    cache_bytes: int = _GIB
    engine: Literal["local", "dask"] = "local"
    dask_scheduler: str | None = None
    dask_workers: int = field(default_factory=available_cores)

    @property
    def block_bytes(self) -> int:
        """Bytes of raw records that are decoded together: 4 MiB of 512 MiB, and few enough for caches."""
        return min(self.memory_bytes // 128, _LARGEST_BLOCK_BYTES)

    @property
    def sort_buffer_bytes(self) -> int:
        """Bytes of rows that may wait to be sorted before they are written (43 MiB of 512 MiB)."""
        return self.memory_bytes // 12

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of `environment`, and of the file that it names; an empty value counts as unset.

        Args:
            environment: The process's own unless given; only then `penstock.toml` is read unasked.

        Raises:
            SettingsError: A value cannot be read or is out of its bounds, or the file cannot be used.
        """
        given = given_settings(_NAMES, environment)
        memory = _bytes(given, "MEMORY", 512 * MIB, smallest=_SMALLEST_MEMORY_BYTES)
        return cls(
            memory_bytes=memory,
            max_record_bytes=_bytes(
                given, "MAX_RECORD", min(64 * MIB, memory), largest=min(memory, _LARGEST_RECORD_BYTES)
            ),
            max_unpacked_bytes=_bytes(given, "MAX_UNPACKED", 16 * _GIB),
            max_nesting=_count(given, "MAX_NESTING", 512, largest=10_000),
            pipelines=_folder(given, "PIPELINES", "pipelines.d"),
            threads=_count(given, "THREADS", available_cores(), largest=1024),
            cache_bytes=_bytes(given, "CACHE", _GIB, smallest=0),
            engine=_engine(given),
            dask_scheduler=_address(given, "DASK_SCHEDULER"),
            dask_workers=_count(given, "DASK_WORKERS", available_cores(), largest=1024),
        )


def _bytes(
    given: Mapping[str, Given], name: str, default: int, *, smallest: int = 1, largest: int = 2**62
) -> int:
    if name not in given:
        return default
    if smallest == 0 and given[name].text.strip() == "0":
        return 0
    try:
        value = parse_bytes(given[name].text)
    except InvalidValueError as error:
        raise _wrong(given[name], error.expected or "") from error
    if value < smallest:
        raise _wrong(given[name], f"at least {format_bytes(smallest)}")
    if value > largest:
        raise _wrong(given[name], f"at most {format_bytes(largest)}")
    return value


def _count(given: Mapping[str, Given], name: str, default: int, *, largest: int) -> int:
    if name not in given:
        return default
    text = given[name].text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= largest:
        return int(text)
    raise _wrong(given[name], f"a whole number from 1 to {largest}")


def _folder(given: Mapping[str, Given], name: str, default: str) -> Path:
    """Relative to the current folder, or to that of the settings file that gives it."""
    if name not in given:
        return Path(default)
    file = given[name].file
    return Path(given[name].text) if file is None else file.parent / given[name].text


def _engine(given: Mapping[str, Given]) -> Literal["local", "dask"]:
    match given["ENGINE"].text.strip() if "ENGINE" in given else "local":
        case "local":
            return "local"
        case "dask":
            return "dask"
    raise _wrong(given["ENGINE"], "local or dask")


def _address(given: Mapping[str, Given], name: str) -> str | None:
    if name not in given:
        return None
    text = given[name].text.strip()
    if _ADDRESS.fullmatch(text):
        return text
    masked = replace(given[name], text=re.sub(r"[^/]*@", "…@", text))
    raise _wrong(masked, "a host and a port, such as tcp://10.0.0.7:8786, and no credentials")


def _wrong(one: Given, expected: str) -> SettingsError:
    return SettingsError(
        "a setting cannot be used",
        where=one.where,
        got=repr(one.text),
        expected=expected,
        next_step=f"correct {one.name}, or {'unset' if one.file is None else 'remove'} it to use the default",
    )

"""The settings as somebody wrote them: variables of the environment, and under them a TOML file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config.errors import SettingsError, did_you_mean

PREFIX: Final = "PENSTOCK_"
_VARIABLE: Final = "PENSTOCK_SETTINGS"
_DEFAULT_FILE: Final = Path("penstock.toml")
_OF_CREDENTIALS: Final = ("aws_", "secret", "password", "token", "credential")


@dataclass(frozen=True, slots=True)
class Given:
    """One value.

    Attributes:
        text: As it was written.
        name: Of the variable, or of the key of the file.
        file: None where it is a variable.
    """

    text: str
    name: str
    file: Path | None = None

    @property
    def where(self) -> str:
        """For an error."""
        return f"environment variable {self.name}" if self.file is None else f"{self.file}, key {self.name}"


def given_settings(names: Collection[str], environment: Mapping[str, str] | None = None) -> dict[str, Given]:
    """The values of `names` (`MEMORY` …) that are set; the environment goes before the file.

    Args:
        names: Of the variables without their prefix; the keys of the file are these in lower case.
        environment: The process's own unless given; only then is `penstock.toml` looked for.

    Raises:
        SettingsError: The file is not there, is no TOML, or has a key or a value that has no place in it.
    """
    source = os.environ if environment is None else environment
    from_file = _of_file(_file(source, look_here=environment is None), names)
    set_there = {name: PREFIX + name for name in names if source.get(PREFIX + name)}
    return from_file | {name: Given(source[variable], variable) for name, variable in set_there.items()}


def _file(source: Mapping[str, str], *, look_here: bool) -> Path | None:
    named = source.get(_VARIABLE)
    if named:
        return Path(named)
    return _DEFAULT_FILE if look_here and _DEFAULT_FILE.is_file() else None


def _of_file(file: Path | None, names: Collection[str]) -> dict[str, Given]:
    if file is None:
        return {}
    keys = {name.lower(): name for name in names}
    found = _read(file)
    for key, value in found.items():
        _check(file, key, value, keys)
    return {keys[key]: Given(str(value), key, file) for key, value in found.items() if value != ""}


def _read(file: Path) -> dict[str, Any]:
    import tomllib  # here: most have no such file

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            "the settings file cannot be read",
            where=file,
            got=error.strerror,
            next_step=f"correct {_VARIABLE}, or unset it to do without a file",
        ) from error
    except ValueError as error:  # not UTF-8, or no TOML: neither message repeats a value
        raise SettingsError(
            "the settings file is no TOML", where=file, got=error, expected='lines such as memory = "1 GiB"'
        ) from error


def _check(file: Path, key: str, value: object, keys: Collection[str]) -> None:
    """Refuses what has no place in the file, and shows no value that may be a secret."""
    where = f"{file}, key {key}"
    if any(part in key.lower() for part in _OF_CREDENTIALS):
        raise SettingsError(
            "credentials are no settings: files are copied and committed",
            where=where,
            next_step="take it out of the file, and give the worker the standard AWS_… variables instead",
        )
    if key not in keys:
        expected = f"one of {', '.join(keys)}"
        raise SettingsError(
            "there is no such setting", where=where, expected=expected, next_step=did_you_mean(key, keys)
        )
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise SettingsError("a setting cannot be used", where=where, expected="a text or a whole number")

"""Where a landing zone or a table is: a path, `file://…` or `s3://bucket/…`.

A relative path is relative to the folder that the process was started in, not to the pipeline file.
`${NAME}` stands for the environment variable NAME; no other form of `$` means anything.
"""

from __future__ import annotations

import os
import re
from typing import Final

from config.errors import InvalidValueError, did_you_mean

_REFERENCE: Final = re.compile(r"\$\{([^}]*)\}?")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USER: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*@")
_ONE_SLASH: Final = re.compile(r"(?!file:)[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")


def parse_uri(value: object) -> str:
    """`value` with its environment variables filled in.

    Raises:
        InvalidValueError: It is no URI, a variable is not set, or it holds credentials (which stay masked).
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value.strip():
        raise _no_uri(value, "is no text" if value is not None else "is missing")
    uri = _REFERENCE.sub(_variable, value).strip()
    if _USER.match(uri):
        raise InvalidValueError(
            "a URI with credentials in it",
            got=repr(_USER.sub("…@", uri)),
            expected="a URI without user and password",
            next_step="remove them, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
        )
    if not uri or not uri.isprintable() or "${" in uri:
        raise _no_uri(uri, "is not one line of printable text")
    if _ONE_SLASH.match(uri):
        scheme, _, rest = uri.partition(":")
        raise _no_uri(uri, "is neither a path nor a URI", f"did you mean '{scheme}://{rest.lstrip('/')}'?")
    return uri


def _variable(match: re.Match[str]) -> str:
    name = match[1]
    if not match[0].endswith("}") or not _VARIABLE.fullmatch(name):
        raise InvalidValueError(
            "not a reference to an environment variable", got=repr(match[0]), expected="${NAME}"
        )
    if name not in os.environ:
        raise InvalidValueError(
            "an environment variable that is not set",
            got=f"${{{name}}}",
            expected=f"{name} in the environment",
            next_step=did_you_mean(name, os.environ) or f"export {name}=…",
        )
    return os.environ[name]


def _no_uri(value: object, why: str, hint: str | None = None) -> InvalidValueError:
    return InvalidValueError(
        f"a URI that {why}",
        got=repr(value),
        expected="a path, file://…, or s3://bucket/…; the source may be a folder, a file or a glob",
        next_step=hint,
    )

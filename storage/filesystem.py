"""From a URI to the store behind it: local paths, `file://` and `s3://`.

Object storage is configured by the standard variables alone, for listing, reading and Delta tables alike:
`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION` and
`AWS_ALLOW_HTTP`; where they are not set, the credentials of the platform (profile, instance role) hold.
"""

from __future__ import annotations

import importlib
import os
import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from storage.errors import UnsupportedLocationError
from storage.upstream import without_secrets

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def is_remote(uri: str) -> bool:
    """Whether `uri` names an object store.

    Raises:
        UnsupportedLocationError: Its scheme is none of those above.
    """
    return _scheme(uri) not in ("", "file")


def local_path(uri: str) -> str:
    """The absolute path of a local URI: links are kept, `..` is resolved, `file://` is percent-decoded."""
    if _scheme(uri) != "file":
        return os.path.abspath(uri)  # noqa: PTH100 (Path.resolve would follow links)
    rest = uri[len("file://") :]
    if not rest.startswith("/"):
        raise UnsupportedLocationError(
            "a file:// URI must name an absolute path on this machine",
            where=uri,
            expected="file:///absolute/path",
            next_step="write a third slash, or the plain path without file://",
        )
    return os.path.abspath(unquote(rest))  # noqa: PTH100


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The two halves of an `s3://` URI, verbatim: nothing in a key is decoded or normalised."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    if not bucket:
        raise UnsupportedLocationError("the URI names no bucket", where=uri, expected="s3://bucket/prefix")
    return bucket, key


def open_filesystem(uri: str) -> tuple[AbstractFileSystem, str]:
    """The fsspec filesystem of `uri`, and the path of `uri` in it.

    The first call for `s3://` imports s3fs, which takes about 0.7 s. Listings are never
    cached. The filesystem may be used by several threads at a time.

    Raises:
        UnsupportedLocationError: No known scheme, or no bucket.
    """
    if not is_remote(uri):
        return _filesystem("fsspec.implementations.local", "LocalFileSystem"), local_path(uri)
    env = os.environ.get
    filesystem = _s3_filesystem(
        env("AWS_ENDPOINT_URL") or None,
        env("AWS_ACCESS_KEY_ID") or None,
        env("AWS_SECRET_ACCESS_KEY") or None,
        env("AWS_SESSION_TOKEN") or None,
        env("AWS_REGION") or env("AWS_DEFAULT_REGION") or "us-east-1",
    )
    return filesystem, "/".join(bucket_and_key(uri))


def delta_storage_options(uri: str) -> dict[str, str]:
    """What delta-rs and Polars need to reach `uri`: empty for local paths, the `AWS_…` variables for `s3://`."""
    if not is_remote(uri):
        return {}
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_") and value}


def _scheme(uri: str) -> str:
    found = _SCHEME.match(uri)
    scheme = found[1].lower() if found else ""
    if scheme not in ("", "file", "s3"):
        raise UnsupportedLocationError(
            f"{scheme}:// is not a store that Penstock knows",
            where=without_secrets(uri),
            expected="a path, file:///path, or s3://bucket/prefix",
        )
    return scheme


@cache
def _s3_filesystem(
    endpoint: str | None, key: str | None, secret: str | None, token: str | None, region: str
) -> AbstractFileSystem:
    """One client for each account, where fsspec would make one for each thread; None: botocore finds it."""
    filesystem = _filesystem(
        "s3fs",
        "S3FileSystem",
        endpoint_url=endpoint,
        key=key,
        secret=secret,
        token=token,
        client_kwargs={"region_name": region},  # botocore itself reads AWS_DEFAULT_REGION only
        # s3fs repeats what botocore has repeated: five times five is half a minute for a store that is down.
        config_kwargs={"retries": {"mode": "standard", "max_attempts": 3}},
        skip_instance_cache=True,
    )
    filesystem.retries = 2
    return filesystem


def _filesystem(module: str, name: str, **options: object) -> AbstractFileSystem:
    # Imported at the first use: a run over local folders needs neither, and s3fs takes 0.7 s.
    return getattr(importlib.import_module(module), name)(use_listings_cache=False, **options)

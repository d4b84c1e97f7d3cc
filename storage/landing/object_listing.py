"""Lists objects of an S3 store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from storage.errors import NothingLandedError
from storage.filesystem import bucket_and_key, open_filesystem
from storage.landing.identity import identity_of_object
from storage.landing.local_listing import ListedFile
from storage.landing.pattern import LandingPattern, parse_pattern
from storage.upstream import translated

_Object = dict[str, Any]
"""Key, ETag, Size, LastModified (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html)."""


def list_objects(uri: str) -> list[ListedFile]:
    """The objects that an `s3://` URI stands for, in no order; see `list_landing`.

    Costs one request for each 1000 objects below the last folder without a wildcard.
    """
    bucket, key = bucket_and_key(uri)
    pattern = parse_pattern(key)
    with translated("list the landing zone", uri):
        found = list(_below(uri, pattern))
        if not found and not _exists(uri, pattern):
            found = [one for one in _listed(uri, key, MaxKeys=1) if one["Key"] == key]
            if not found or pattern.expression is not None:
                raise _missing(uri)
            return [_described(bucket, found[0])]
    start = len(_prefix(pattern))
    return [_described(bucket, one) for one in found if _is_file(one) and pattern.takes(one["Key"][start:])]


def _below(uri: str, pattern: LandingPattern) -> Iterator[_Object]:
    """The objects below the folder, and those that consoles make for folders."""
    one_level = {"Delimiter": "/"} if pattern.deepest == 1 else {}
    return _listed(uri, _prefix(pattern) + pattern.stem, **one_level)


def _exists(uri: str, pattern: LandingPattern) -> bool:
    return not pattern.base or any(_listed(uri, _prefix(pattern), MaxKeys=1))


def _prefix(pattern: LandingPattern) -> str:
    return f"{pattern.base}/" if pattern.base else ""


def _listed(uri: str, prefix: str, **request: object) -> Iterator[_Object]:
    """By requests of our own: s3fs would keep every listing, and tidy the names up."""
    filesystem, _ = open_filesystem(uri)
    bucket, _ = bucket_and_key(uri)
    request |= {"Bucket": bucket, "Prefix": prefix}
    while True:
        page = filesystem.call_s3("list_objects_v2", **request)
        yield from page.get("Contents", ())
        if "MaxKeys" in request or not page.get("IsTruncated"):
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def _is_file(found: _Object) -> bool:
    return not found["Key"].endswith("/")


def _described(bucket: str, found: _Object) -> ListedFile:
    changed_us = round(found["LastModified"].timestamp() * 1_000_000)
    return f"s3://{bucket}/{found['Key']}", identity_of_object(found["ETag"]), found["Size"], changed_us


def _missing(uri: str) -> NothingLandedError:
    return NothingLandedError(
        "nothing has landed there",
        where=uri,
        got="a bucket without any object below that prefix",
        expected="at least one object, be it an empty one whose name is the prefix and a slash",
        next_step="correct source.uri, or let the first file land",
    )

"""New objects of a landing zone."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from storage.create_only import is_second
from storage.errors import StorageError
from storage.filesystem import bucket_and_key, open_filesystem
from storage.upstream import translated, upstream_errors

_PART_BYTES: Final = 16 * 2**20
"""Of a multipart upload; what is not larger is one PUT."""
_log = logging.getLogger(__name__)


@contextmanager
def new_object(zone: str, name: str) -> Iterator[tuple[IO[bytes], Callable[[], bool]]]:
    """See `new_file`."""
    uri = f"{zone.rstrip('/')}/{name}"
    with tempfile.TemporaryFile() as file:
        yield file, lambda: _land(file, uri)


def _land(file: IO[bytes], uri: str) -> bool:
    with translated("write a new object", uri):
        file.flush()
        try:
            if os.fstat(file.fileno()).st_size <= _PART_BYTES:
                _call(uri, "put_object", Body=_part(file, 0), IfNoneMatch="*")
            else:
                _upload(file, uri)
        except upstream_errors() as error:
            if is_second(error, uri):
                return False
            raise
    return True


def _upload(file: IO[bytes], uri: str) -> None:
    """In parts; there is nothing before the last request, which is the one with the condition."""
    upload = {"UploadId": _call(uri, "create_multipart_upload")["UploadId"]}
    try:
        parts: list[dict[str, Any]] = []
        while part := _part(file, len(parts) * _PART_BYTES):
            number = len(parts) + 1
            answer = _call(uri, "upload_part", PartNumber=number, Body=part, **upload)
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        _call(uri, "complete_multipart_upload", MultipartUpload={"Parts": parts}, IfNoneMatch="*", **upload)
    except BaseException:
        _abort(uri, upload)
        raise


def _abort(uri: str, upload: dict[str, str]) -> None:
    try:
        with translated("remove the parts of an object", uri):
            _call(uri, "abort_multipart_upload", **upload)
    except StorageError as error:
        _log.warning("parts of an object may be left behind: %s", error)


def _part(file: IO[bytes], offset: int) -> bytes:
    return os.pread(file.fileno(), _PART_BYTES, offset)


def _call(uri: str, method: str, **request: object) -> Any:
    """By requests of our own: s3fs would put the condition on none of these."""
    filesystem, _ = open_filesystem(uri)
    bucket, key = bucket_and_key(uri)
    return filesystem.call_s3(method, Bucket=bucket, Key=key, **request)

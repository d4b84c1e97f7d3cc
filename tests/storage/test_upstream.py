"""Whatever the libraries below raise leaves as one of our errors, with its cause and without secrets."""

from __future__ import annotations

import errno
import importlib
from typing import Any

import deltalake.exceptions
import polars as pl
import pytest

from storage.errors import (
    AccessDeniedError,
    NotFoundError,
    OutOfSpaceError,
    StorageError,
    TableError,
    TableSchemaError,
    UnavailableError,
)
from storage.upstream import storage_error, translated, without_secrets

# By name, because it comes without types.
botocore_exceptions: Any = importlib.import_module("botocore.exceptions")

OF_DELTA_RS = {
    "CommitFailedError": TableError,
    "DeltaError": TableError,
    "DeltaProtocolError": TableError,
    "SchemaMismatchError": TableSchemaError,
    "TableNotFoundError": NotFoundError,
}
S3_DENIED = (
    "Error performing PUT http://h/lake/x in 407.549µs - Server returned non-2xx status code: 403 Forbidden"
)
S3_LATE = (
    "Error performing GET http://h/lake/x in 1.8s, after 10 retries, max_retries: 10 - "
    "HTTP error: error sending request"
)


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (FileNotFoundError(errno.ENOENT, "no"), NotFoundError),
        (NotADirectoryError(errno.ENOTDIR, "no"), NotFoundError),
        (PermissionError(errno.EACCES, "no"), AccessDeniedError),
        (OSError(errno.EROFS, "read-only"), AccessDeniedError),
        (OSError(errno.ENOSPC, "full"), OutOfSpaceError),
        (OSError(errno.EBUSY, "SlowDown"), UnavailableError),
        (OSError(errno.EIO, "defect"), StorageError),
        (ConnectionResetError(errno.ECONNRESET, "reset"), UnavailableError),
        (TimeoutError("late"), UnavailableError),
        (OSError(S3_DENIED), AccessDeniedError),
        (OSError(S3_LATE), UnavailableError),
        (OSError("Kernel error -> an error occurred while loading credentials"), AccessDeniedError),
        (deltalake.exceptions.DeltaError(S3_DENIED), AccessDeniedError),
        (pl.exceptions.ComputeError("parquet: out of spec"), TableError),
        (botocore_exceptions.EndpointConnectionError(endpoint_url="http://h"), UnavailableError),
        (botocore_exceptions.ReadTimeoutError(endpoint_url="http://h"), UnavailableError),
        (botocore_exceptions.NoCredentialsError(), AccessDeniedError),
    ],
)
def test_translated_gives_the_error_that_says_the_same(
    raised: Exception, expected: type[StorageError]
) -> None:
    with pytest.raises(StorageError) as caught, translated("read the file", "s3://lake/x"):
        raise raised

    assert type(caught.value) is expected
    assert caught.value.__cause__ is raised
    assert caught.value.what == "could not read the file"
    assert caught.value.where == "s3://lake/x"
    assert caught.value.retryable == (expected is UnavailableError)


@pytest.mark.parametrize("name", deltalake.exceptions.__all__)
def test_storage_error_knows_every_exception_of_delta_rs(name: str) -> None:
    raised = getattr(deltalake.exceptions, name)("x")

    assert type(storage_error(raised, doing="x", where="x")) is OF_DELTA_RS[name]


def test_translated_lets_our_own_errors_and_defects_through() -> None:
    ours = NotFoundError("x")
    with pytest.raises(NotFoundError) as caught, translated("read", "x"):
        raise ours
    assert caught.value is ours
    with pytest.raises(KeyError), translated("read", "x"):
        raise KeyError


def test_storage_error_never_tells_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t/key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t0ken")
    text = "GET https://user:passw0rd@host/x?X-Amz-Signature=abc123&X-Amz-Credential=AKIA/1 s3cr3t/key t0ken"

    error = storage_error(OSError(text), doing="read", where=text)

    for secret in ("s3cr3t", "t0ken", "passw0rd", "abc123", "AKIA"):
        assert secret not in str(error)
    assert without_secrets("s3://lake/a@b:c") == "s3://lake/a@b:c"


def test_storage_error_makes_the_words_of_rust_readable() -> None:
    error = storage_error(
        OSError("Generic\n   \x1b[31m↳\x1b[0m Error " + "x" * 9999), doing="read", where="x"
    )

    assert error.got is not None
    assert error.got.startswith("OSError: Generic Error xxx")
    assert len(error.got) < 500

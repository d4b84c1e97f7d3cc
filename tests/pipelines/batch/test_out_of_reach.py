"""What cannot be reached, or not be understood, is told; nothing is lost, and the next run does it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.run import run
from storage.errors import AccessDeniedError, NotFoundError
from tests.conftest import Store
from tests.object_store import ObjectStore
from tests.pipelines.taking_in import (
    SETTINGS,
    a_pipeline,
    event,
    ids,
    land,
    penstock,
    run_and_prove,
)

NOBODY = 65534


def test_run_missing_folder_says_so_and_works_once_it_is_there(local: Store) -> None:
    pipeline = a_pipeline(local)

    with pytest.raises(NotFoundError, match="landing"):
        run(pipeline, SETTINGS)

    land(local, "a.ndjson", event(1))
    run_and_prove(pipeline)
    assert ids(pipeline) == [1]


@pytest.mark.s3
def test_run_missing_bucket_says_so(s3: Store) -> None:
    pipeline = a_pipeline(s3, source={"uri": "s3://no-such-bucket/landing"})

    with pytest.raises(NotFoundError, match="no-such-bucket"):
        run(pipeline, SETTINGS)


@pytest.mark.s3
def test_run_wrong_credentials_are_denied_and_nothing_is_lost(
    s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(s3, "a.ndjson", event(1))
    pipeline = a_pipeline(s3)
    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
        with pytest.raises(AccessDeniedError) as denied:
            run(pipeline, SETTINGS)

    assert "a-wrong-secret" not in str(denied.value)
    assert "AWS_SECRET_ACCESS_KEY" in str(denied.value)
    run_and_prove(pipeline)
    assert ids(pipeline) == [1]


@pytest.mark.s3
def test_run_without_permission_to_write_is_denied_and_nothing_is_lost(
    s3: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(s3, "a.ndjson", event(1))
    pipeline = a_pipeline(s3)
    with monkeypatch.context() as reader:
        for name, value in object_store.environment(read_only=True).items():
            reader.setenv(name, value)
        with pytest.raises(AccessDeniedError):
            run(pipeline, SETTINGS)

    run_and_prove(pipeline)
    assert ids(pipeline) == [1]


@pytest.fixture
def unprivileged() -> Iterator[Store]:
    """A place that everybody may use, and a process that is nobody: root may read everything."""
    with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
        Path(folder).chmod(0o777)
        warm_up(Store(f"{folder}/warm"))  # modules that are imported late might lie where nobody may read
        if os.geteuid() == 0:
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Store(folder)
        finally:
            os.seteuid(os.getuid())
            os.setegid(os.getgid())


def warm_up(store: Store) -> None:
    land(store, "a.ndjson", event(1), b"bad")
    run_and_prove(a_pipeline(store))


def test_run_folder_without_permission_is_denied_and_nothing_is_lost(unprivileged: Store) -> None:
    land(unprivileged, "a.ndjson", event(1))
    pipeline = a_pipeline(unprivileged)
    Path(unprivileged.at("landing")).chmod(0)

    with pytest.raises(AccessDeniedError, match="landing"):
        run(pipeline, SETTINGS)

    Path(unprivileged.at("landing")).chmod(0o755)
    run_and_prove(pipeline)
    assert ids(pipeline) == [1]


def test_run_file_without_permission_is_named_and_nothing_is_lost(unprivileged: Store) -> None:
    path = Path(land(unprivileged, "a.ndjson", event(1)))
    land(unprivileged, "b.ndjson", event(2))
    pipeline = a_pipeline(unprivileged)
    path.chmod(0)

    with pytest.raises(AccessDeniedError, match=r"a\.ndjson"):
        run(pipeline, SETTINGS)

    path.chmod(0o644)
    run_and_prove(pipeline)
    assert ids(pipeline) == [1, 2]


def test_run_table_without_permission_is_denied_and_nothing_is_lost(unprivileged: Store) -> None:
    land(unprivileged, "a.ndjson", event(1))
    pipeline = a_pipeline(unprivileged)
    Path(unprivileged.at("lake")).mkdir(mode=0o555)

    with pytest.raises(AccessDeniedError, match="lake"):
        run(pipeline, SETTINGS)

    Path(unprivileged.at("lake")).chmod(0o755)
    run_and_prove(pipeline)
    assert ids(pipeline) == [1]


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ("", 1, "Error: .*landing"),
        ("format: ndjson -> format: xml", 2, "xml(.|\n)*ndjson"),
        ("id: int64! -> id: int65!", 2, "int65(.|\n)*int64"),
    ],
    ids=["missing folder", "unknown format", "unknown type"],
)
def test_run_command_on_what_cannot_be_run_says_what_to_do(
    tmp_path: Path, changed: str, status: int, said: str
) -> None:
    text = (
        f"name: events\nsource: {{uri: {tmp_path}/landing, format: ndjson}}\n"
        f"contract: {{columns: {{id: int64!}}}}\ntable: {{uri: {tmp_path}/lake}}\n"
    )
    old, _, new = changed.partition(" -> ")
    (tmp_path / "events.yaml").write_text(text.replace(old, new) if old else text)

    ended = penstock("run", tmp_path / "events.yaml")

    assert ended.returncode == status
    assert re.search(said, ended.stderr)
    assert "Traceback" not in ended.stderr

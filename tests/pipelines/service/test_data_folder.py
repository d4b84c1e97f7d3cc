"""The folder that keeps everything, and belongs to one service at a time."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pipelines.errors import ServiceError
from pipelines.service.data_folder import open_data_folder


def test_open_data_folder_twice_refuses_and_names_the_process(tmp_path: Path) -> None:
    first = open_data_folder(tmp_path / "data")
    try:
        with pytest.raises(
            ServiceError, match=f"running with this data folder.*\n.*\n.*process {os.getpid()}"
        ):
            open_data_folder(tmp_path / "data")
    finally:
        os.close(first.lock)


def test_open_data_folder_again_keeps_secrets_and_forgets_what_was_ready(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path)
    secret = folder.secret("s3-key")
    (folder.markers / "store").touch()
    os.close(folder.lock)

    again = open_data_folder(tmp_path)
    os.close(again.lock)

    assert again.secret("s3-key") == secret != again.secret("other")
    assert not any(again.markers.iterdir())


def test_open_data_folder_where_a_file_is_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ServiceError, match="data folder cannot be used"):
        open_data_folder(tmp_path / "file")


def test_data_folder_lets_no_other_user_read_secrets_and_git_none_of_it(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path / "data")
    os.close(folder.lock)
    folder.secret("s3-key")
    folder.keep_environment({"AWS_SECRET_ACCESS_KEY": "x"})

    private = [
        folder.path,
        folder.path / "secrets",
        folder.path / "secrets" / "s3-key",
        folder.environment_file,
    ]
    assert [one.stat().st_mode & 0o077 for one in private] == [0, 0, 0, 0]
    assert (folder.path / ".gitignore").read_text() == "*\n"


def test_environment_file_gives_a_shell_the_values_as_they_are(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path)
    os.close(folder.lock)
    folder.keep_environment({"PENSTOCK_PIPELINES": "/a folder/of 'mine' $HOME"})

    shown = subprocess.run(
        ["sh", "-c", f'. {folder.environment_file}; printenv PENSTOCK_PIPELINES'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert shown.stdout == "/a folder/of 'mine' $HOME\n"

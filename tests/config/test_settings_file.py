"""The settings that a file gives, under those of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import Settings


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default file of the current folder, which is not there yet; no variable is set."""
    monkeypatch.chdir(tmp_path)
    for name in ("MEMORY", "THREADS", "PIPELINES", "SETTINGS", "MAX_RECORD", "MAX_UNPACKED", "MAX_NESTING"):
        monkeypatch.delenv(f"PENSTOCK_{name}", raising=False)
    return tmp_path / "penstock.toml"


def refused(path: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"PENSTOCK_SETTINGS": str(path)})
    return caught.value


def test_read_settings_without_a_file_gives_the_defaults(file: Path) -> None:
    assert not file.exists()
    assert Settings.from_environment() == Settings()


def test_read_settings_takes_the_file_of_the_current_folder(file: Path) -> None:
    file.write_text('memory = "1 GiB"\nthreads = 3\nmax_record = 1000000\n')

    assert Settings.from_environment() == Settings(memory_bytes=2**30, threads=3, max_record_bytes=10**6)


def test_read_settings_takes_the_named_file_and_its_folder(file: Path) -> None:
    named = file.parent / "elsewhere" / "settings.toml"
    named.parent.mkdir()
    named.write_text('pipelines = "specs"\n')
    file.write_text("threads = 3")

    settings = Settings.from_environment({"PENSTOCK_SETTINGS": str(named)})

    assert settings == Settings(pipelines=named.parent / "specs")


def test_read_settings_takes_variables_before_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('memory = "1 GiB"\nthreads = 3\npipelines = "specs"\n')
    monkeypatch.setenv("PENSTOCK_THREADS", "2")
    monkeypatch.setenv("PENSTOCK_PIPELINES", "others")
    monkeypatch.setenv("PENSTOCK_MEMORY", "")

    assert Settings.from_environment() == Settings(memory_bytes=2**30, threads=2, pipelines=Path("others"))


def test_read_settings_from_a_given_environment_looks_for_no_file(file: Path) -> None:
    file.write_text("nonsense")

    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize(
    ("text", "key", "expected", "next_step"),
    [
        ('memory = "lots"', "memory", "4 GiB", "correct memory, or remove it to use the default"),
        ("threads = 0", "threads", "1 to 1024", "correct threads, or remove it to use the default"),
        ("threads = true", "threads", "a whole number", None),
        ("threads = 1.5", "threads", "a whole number", None),
        ('[memory]\nbytes = "1 GiB"', "memory", "a text", None),
        ('memroy = "1 GiB"', "memroy", "one of memory, ", "did you mean 'memory'?"),
        ('settings = "other.toml"', "settings", "one of memory, ", None),
    ],
)
def test_read_settings_from_a_wrong_file_names_file_and_key(
    file: Path, text: str, key: str, expected: str, next_step: str | None
) -> None:
    file.write_text(text)

    error = refused(file)

    assert (error.where, error.next_step) == (f"{file}, key {key}", next_step)
    assert expected in str(error.expected)


@pytest.mark.parametrize("key", ["aws_secret_access_key", "AWS_ACCESS_KEY_ID", "s3_password"])
def test_read_settings_with_credentials_refuses_them_and_shows_none(file: Path, key: str) -> None:
    file.write_text(f'{key} = "hush hush"')

    error = refused(file)

    assert (error.where, "AWS_… variables" in str(error.next_step)) == (f"{file}, key {key}", True)
    assert "hush" not in str(error)


@pytest.mark.parametrize("content", [b"memory: 1 GiB\n", b'pipelines = "\xff"'])
def test_read_settings_from_no_toml_names_the_file(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    error = refused(file)

    assert (error.what, error.where) == ("the settings file is no TOML", str(file))


def test_read_settings_from_a_named_file_that_is_not_there_names_it(file: Path) -> None:
    error = refused(file)

    assert (error.where, error.got) == (str(file), "No such file or directory")
    assert "PENSTOCK_SETTINGS" in str(error.next_step)

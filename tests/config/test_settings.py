"""The settings that the environment gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import SettingsError
from config.settings import MIB, Settings


def test_read_settings_from_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})

    assert settings == Settings()
    assert settings.block_bytes == 4 * MIB
    assert settings.sort_buffer_bytes == 512 * MIB // 12
    assert settings.threads >= 1


def test_read_settings_takes_every_variable() -> None:
    settings = Settings.from_environment(
        {
            "PENSTOCK_MEMORY": "1 GiB",
            "PENSTOCK_MAX_RECORD": "1 MB",
            "PENSTOCK_MAX_UNPACKED": "1 TB",
            "PENSTOCK_MAX_NESTING": "64",
            "PENSTOCK_PIPELINES": "specs",
            "PENSTOCK_THREADS": "3",
            "PENSTOCK_CACHE": "2 GiB",
            "PENSTOCK_ENGINE": "dask",
            "PENSTOCK_DASK_SCHEDULER": "tls://10.0.0.7:8786",
            "PENSTOCK_DASK_WORKERS": "5",
        }
    )

    assert settings == Settings(
        memory_bytes=2**30,
        max_record_bytes=10**6,
        max_unpacked_bytes=10**12,
        max_nesting=64,
        pipelines=Path("specs"),
        threads=3,
        cache_bytes=2**31,
        engine="dask",
        dask_scheduler="tls://10.0.0.7:8786",
        dask_workers=5,
    )


def test_read_settings_with_empty_value_takes_the_default() -> None:
    assert Settings.from_environment({"PENSTOCK_MEMORY": ""}) == Settings()


def test_read_settings_with_no_cache_keeps_nothing() -> None:
    assert Settings.from_environment({"PENSTOCK_CACHE": "0"}).cache_bytes == 0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PENSTOCK_MEMORY", "lots", "4 GiB"),
        ("PENSTOCK_MEMORY", "1 MiB", "at least 64 MiB"),
        ("PENSTOCK_MAX_RECORD", "1 GiB", "at most 512 MiB"),
        ("PENSTOCK_MAX_NESTING", "0", "1 to 10000"),
        ("PENSTOCK_THREADS", "two", "1 to 1024"),
        ("PENSTOCK_THREADS", "²", "1 to 1024"),
        ("PENSTOCK_CACHE", "0 GiB", "bytes above 0"),
        ("PENSTOCK_ENGINE", "spark", "local or dask"),
        ("PENSTOCK_DASK_SCHEDULER", "host", "a host and a port"),
        ("PENSTOCK_DASK_WORKERS", "0", "1 to 1024"),
    ],
)
def test_read_settings_with_wrong_value_names_the_variable(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: value})

    assert name in str(caught.value.where)
    assert caught.value.got == repr(value)
    assert expected in str(caught.value.expected)


def test_read_settings_with_credentials_in_an_address_keeps_them_out_of_the_message() -> None:
    with pytest.raises(SettingsError, match="no credentials") as caught:
        Settings.from_environment({"PENSTOCK_DASK_SCHEDULER": "tcp://me:secret@host:8786"})

    assert "secret" not in str(caught.value)


def test_read_settings_with_little_memory_lowers_the_longest_record() -> None:
    settings = Settings.from_environment({"PENSTOCK_MEMORY": "64 MiB"})

    assert settings.max_record_bytes <= settings.memory_bytes

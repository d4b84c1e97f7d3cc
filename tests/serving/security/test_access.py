"""The access file, and the tokens in it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.errors import InvalidValueError, SettingsError
from serving.errors import UnknownClientError
from serving.security.access import parse_access, read_access
from serving.security.door import IDLE, LONGEST, Door
from serving.security.granting import grant
from tests.serving.security.conftest import FAR

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    """Stands still unless it is set."""

    now: datetime = START

    def __call__(self) -> datetime:
        """What it shows."""
        return self.now


def basic(user: str, token: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


def test_grant_makes_a_file_of_its_owner_with_the_digest_alone(tmp_path: Path) -> None:
    file = tmp_path / "access.toml"

    token = grant(file, "reports", FAR, read=["orders", "github_*"])

    assert file.stat().st_mode & 0o777 == 0o600
    assert token not in file.read_text()
    assert list(tmp_path.iterdir()) == [file]
    client = read_access(file).clients["reports"]
    assert [client.may_read(name) for name in ("orders", "github_x", "orders2")] == [True, True, False]
    assert not client.may_push("orders")


def test_grant_keeps_what_people_wrote(tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    grant(file, "reports", FAR, read=["orders"])
    written = file.read_text() + "\n# of the reports\n"
    file.write_text(written)

    grant(file, "reports", FAR)

    assert file.read_text().startswith(written)
    assert len(read_access(file).tokens) == 2


def test_grant_of_permissions_that_the_file_already_says_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "access.toml"
    grant(file, "reports", FAR, read=["orders"])
    before = file.read_text()

    with pytest.raises(SettingsError, match="already says"):
        grant(file, "reports", FAR, read=["*"])

    assert file.read_text() == before


@pytest.mark.parametrize("name", ["", "a b", "x]\n[clients.y", "é", "..", 'a"', "a:b"])
def test_grant_to_a_name_that_nobody_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValueError):
        grant(tmp_path / "access.toml", name, FAR)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "access.toml"
    grant(file, "reports", FAR)
    file.chmod(mode)

    with pytest.raises(SettingsError, match="others can read or change"):
        Door(file)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[clients.a]\nreads = ['x']", "clients.a.reads"),
        ("[clients.a]\nread = 'x'", "clients.a.read"),
        ("[clients.a]\nread = ['../x']", "clients.a.read[0]"),
        ("[limits]\nstatement_time = 'soon'", "limits.statement_time"),
        ("[clients.a]\nlimits = {result_bytes = 0}", "clients.a.limits.result_bytes"),
        ("[[tokens]]\nclient = 'a'\nsha256 = 'secret'\nexpires = 2027-01-01T00:00:00Z", "tokens[0].sha256"),
        (f"[[tokens]]\nclient = 'a'\nsha256 = '{'0' * 64}'\nexpires = 2027-01-01", "tokens[0].expires"),
    ],
)
def test_wrong_file_is_refused_with_its_key_and_without_values(text: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_access(text, Path("access.toml"))

    assert (caught.value.where or "").endswith(f"key {key}")
    assert "secret" not in str(caught.value)


def test_limits_of_a_client_go_before_those_of_all() -> None:
    text = (
        "[limits]\nstatements_at_once = 3\nendpoints = 2\n[clients.a]\nlimits = {endpoints = 5}\n[clients.b]"
    )

    clients = parse_access(text, Path("access.toml")).clients

    assert [(one.limits.statements_at_once, one.limits.endpoints) for one in clients.values()] == [
        (3, 5),
        (3, 2),
    ]


def test_token_that_has_expired_is_unknown(tmp_path: Path) -> None:
    clock = Clock()
    token = grant(tmp_path / "access.toml", "reports", START + timedelta(days=1))
    door = Door(tmp_path / "access.toml", clock)

    assert door.admit(f"Bearer {token}").name == "reports"
    clock.now += timedelta(days=1)
    with pytest.raises(UnknownClientError):
        door.admit(f"Bearer {token}")


def test_session_ends_when_it_is_idle_or_too_long_or_its_token_expires(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "access.toml"
    token = grant(file, "reports", FAR)
    door = Door(file, clock)

    idle, busy = (door.begin(basic("reports", token)) for _ in range(2))
    for _ in range(int(LONGEST / IDLE * 2) - 1):
        clock.now += IDLE / 2
        door.admit(f"Bearer {busy}")

    for session in (idle, busy):
        clock.now += IDLE / 2
        with pytest.raises(UnknownClientError):
            door.admit(f"Bearer {session}")


def test_file_that_is_wrong_after_a_change_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "access.toml"
    token = grant(file, "reports", FAR)
    door = Door(file)

    file.write_text("[clients")

    assert door.admit(f"Bearer {token}").name == "reports"
    assert "what it said before holds" in caplog.text

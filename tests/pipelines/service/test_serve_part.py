"""The part that serves tables."""

from __future__ import annotations

import socket
from pathlib import Path

from pipelines.service.serve_part import serve_part


def test_serve_part_asks_for_tokens_where_there_is_an_access_file(tmp_path: Path) -> None:
    access = tmp_path / "access.toml"
    before = serve_part(access, 1).command
    access.touch()

    assert "--access" not in before
    assert serve_part(access, 1).command[-2:] == ("--access", str(access))


def test_serve_part_is_ready_when_its_port_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        part = serve_part(tmp_path / "access.toml", listening.getsockname()[1])
        assert part.is_ready is not None
        assert part.is_ready()

    assert not part.is_ready()

"""What a shell runs for a part."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipelines.service.part import Part


def test_shell_line_of_a_part_waits_for_the_others(tmp_path: Path) -> None:
    part = Part(name="b", command=("echo", "it's", "me"), is_ready=lambda: True, after=("a",))
    process = subprocess.Popen(
        part.shell_line(tmp_path / "of all"), shell=True, stdout=subprocess.PIPE, text=True
    )
    assert process.poll() is None

    (tmp_path / "of all").mkdir()
    (tmp_path / "of all" / "a").touch()

    assert process.communicate(timeout=60)[0] == "it's me\n"


def test_shell_line_of_a_command_that_ends_well_leaves_a_marker_and_stays(tmp_path: Path) -> None:
    part = Part(name="once", command=("echo", "done"), is_ready=None)
    process = subprocess.Popen(part.shell_line(tmp_path), shell=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"done\n"
        while not (tmp_path / "once").exists():
            assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def test_shell_line_of_a_command_that_fails_ends_with_its_status(tmp_path: Path) -> None:
    part = Part(name="once", command=("sh", "-c", "exit 3"), is_ready=None)

    assert subprocess.run(part.shell_line(tmp_path), shell=True, check=False).returncode == 3
    assert not (tmp_path / "once").exists()

"""A service of shell commands, in a process of its own: it kills what is below it.

`python -m tests.pipelines.service.small_service FOLDER NAME=COMMAND…` tells in a line when all are ready.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from config.errors import PenstockError
from pipelines.cli.stopping import Stop
from pipelines.service.data_folder import open_data_folder
from pipelines.service.part import Part
from pipelines.service.service import run_service


def main() -> None:
    """Runs the parts; a PenstockError is told on standard error."""
    folder = open_data_folder(Path(sys.argv[1]))
    parts = []
    for one in sys.argv[2:]:
        name, _, command = one.partition("=")
        parts.append(Part(name=name, command=("sh", "-c", command), is_ready=lambda: True))
    stop = Stop()
    stop.listen()
    stop.hand_over()
    try:
        run_service(
            folder,
            parts,
            verbose=False,
            on_ready=lambda _: None,
            on_all_ready=lambda: click.echo("ready"),
        )
    except PenstockError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

"""A Prefect server that is killed and started again while a run is under way."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from pipelines.service.prefect_parts import LEASES
from tests.integration.workers import Folder, kill_group
from tests.prefect_server import running_prefect_server, wait_for

pytestmark = pytest.mark.long
_SOON_S = 120
WAITING_STEP = """\
import time
from pathlib import Path

def wait(rows):
    Path("writing").touch()
    while not Path("go").exists():
        time.sleep(0.1)
    return rows
"""


def write_pipeline(folder: Path) -> None:
    document = {
        "name": "slow",
        "source": {"uri": "landing"},
        "contract": {"columns": {"id": "int64!"}},
        "transforms": [{"use": "waiting:wait"}],
        "table": {"uri": "lake/slow"},
    }
    (folder / "pipelines.d").mkdir()
    (folder / "pipelines.d" / "slow.yaml").write_text(yaml.safe_dump(document))
    (folder / "waiting.py").write_text(WAITING_STEP)
    (folder / "landing").mkdir()
    (folder / "landing" / "1.ndjson").write_text('{"id": 1}\n')


def test_server_killed_in_mid_run_gives_the_slot_back_and_the_next_run_goes_on(tmp_path: Path) -> None:
    write_pipeline(tmp_path)
    home, settings = tmp_path / "home", {"PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES}
    with ExitStack() as parts:
        first = parts.enter_context(running_prefect_server(home, settings))
        folder = Folder(tmp_path, first, "penstock")
        folder.penstock("deploy")
        deployment = folder.deployments()["slow"]
        parts.enter_context(folder.worker("worker"))
        run = folder.start_run(deployment)
        wait_for(lambda: (tmp_path / "writing").exists() or None, deadline_s=_SOON_S, what="batch")

        kill_group(first.process_id)
        port = int(first.api_url.split(":")[2].partition("/")[0])
        parts.enter_context(running_prefect_server(home, settings, port))
        (tmp_path / "go").touch()

        (ended,) = folder.ended([run])
        (after,) = folder.ended([folder.start_run(deployment)])

    assert (ended["state_type"], after["state_type"]) == ("COMPLETED", "COMPLETED")

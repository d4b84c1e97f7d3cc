"""The parts of docker-compose.yml as processes: the same commands, variables and health checks.

Containers and images are not there; PostgreSQL is Debian's.
"""

from __future__ import annotations

import getpass
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import s3fs

from tests.compose import argv, example, moved, services
from tests.object_store import free_ports
from tests.prefect_server import wait_for

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
DEADLINE_S = 300
PIPELINE = """
name: orders
source: {uri: "s3://landing/orders"}
contract: {columns: {id: int64!}}
table: {uri: "s3://lake/orders"}
schedule: {every: 5s}
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not POSTGRES, reason="PostgreSQL is not installed"),
]


class Machine:
    """Runs services of the compose file here, one after the other as they depend on one another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.values = {name: value or f"0{name.lower()}" for name, value in example().items()}
        self.values["PREFECT_SERVER_API_AUTH_STRING"] = "user:password"
        self.services = services(self.values)
        names = ("8333", "5432", "4200", "9464")
        first, *others = free_ports(len(names) + 4)
        self.ports = dict(zip(names, [first, *others], strict=False))
        self.store_ports = others[3:]
        self.pipelines = folder / "pipelines.d"
        self.pipelines.mkdir()
        self.folders = {"/srv/penstock/pipelines.d": self.pipelines, "/data": folder / "store"}
        (folder / "store").mkdir()

    def here(self, text: str) -> str:
        """What stands in the compose file, for this machine."""
        return moved(text, self.ports, self.folders)

    def environment(self, name: str) -> dict[str, str]:
        """That of a service, with what the image sets, and nothing of ours but the path."""
        given = {key: self.here(value) for key, value in self.services[name].get("environment", {}).items()}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        image = {"PATH": path, "HOME": str(self.folder), "PREFECT_HOME": str(self.folder / name)}
        kept = {key: os.environ[key] for key in ("PYTHONPATH", "XDG_CACHE_HOME") if key in os.environ}
        return image | kept | of_the_image() | given

    @contextmanager
    def running(self, name: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """A service, once its health check says that it is well."""
        command = [*map(self.here, argv(self.services[name])), *more]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(name), stdout=log, stderr=log
            )
            try:
                if check := self.services[name].get("healthcheck"):
                    wait_for(
                        lambda: self._is_well(name, check, process),
                        deadline_s=DEADLINE_S,
                        what=f"health of {name}",
                    )
                yield process
            finally:
                process.terminate()
                process.wait(60)

    def _is_well(self, name: str, check: Mapping[str, Any], process: subprocess.Popen[bytes]) -> bool | None:
        assert process.poll() is None, (self.folder / f"{name}.log").read_text()
        kind, *command = check["test"]
        assert kind == "CMD"
        ran = subprocess.run(
            [*map(self.here, command)], env=self.environment(name), capture_output=True, check=False
        )
        return ran.returncode == 0 or None

    def rows(self, pipeline: str) -> str | None:
        """What a table holds; None where it is not there yet."""
        ran = self.call("worker", "penstock", "scan", pipeline, "--json")
        return ran.stdout if ran.returncode == 0 else None

    def call(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Another command of our image, with the environment of a service."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environment(name), capture_output=True, text=True, check=False
        )


def of_the_image() -> dict[str, str]:
    """The settings of the Dockerfile, except for paths inside of the image."""
    text = (Path(__file__).parents[2] / "Dockerfile").read_text().rpartition("FROM ")[2]
    block = text[text.index("ENV ") :].partition("USER ")[0]
    pairs = [
        word.split("=", 1) for word in block.replace("ENV ", "").replace("\\\n", "").split() if "=" in word
    ]
    return {name: value for name, value in pairs if not value.startswith("/")}


@contextmanager
def running_postgres(machine: Machine, stack: ExitStack) -> Iterator[None]:
    """What the image of PostgreSQL does: a cluster with the account and the database of its variables."""
    given = machine.environment("postgres")
    port = machine.ports["5432"]
    user = getpass.getuser() if os.getuid() else "nobody"  # it refuses to be run by root
    # Not below the test's folder, which is for its owner alone.
    data = stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-postgres-"))
    password = Path(data).with_suffix(".password")
    password.write_text(given["POSTGRES_PASSWORD"])
    stack.callback(password.unlink)
    for one in (data, password):
        os.chown(one, pwd.getpwnam(user).pw_uid, -1)
    as_user: dict[str, Any] = {"user": user, "cwd": data}
    initdb, postgres, createdb = (POSTGRES[-1] / name for name in ("initdb", "postgres", "createdb"))
    subprocess.run(
        [initdb, "-D", data, "-U", given["POSTGRES_USER"], f"--pwfile={password}", "-A", "scram-sha-256"],
        check=True, capture_output=True, **as_user,
    )  # fmt: skip
    with (machine.folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            [postgres, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", ""],
            stdout=log, stderr=log, **as_user,
        )  # fmt: skip
        try:
            check = [*machine.services["postgres"]["healthcheck"]["test"][1:], f"--port={port}"]
            wait_for(
                lambda: subprocess.run(check, capture_output=True, check=False).returncode == 0 or None,
                deadline_s=DEADLINE_S, what="health of postgres",
            )  # fmt: skip
            subprocess.run(
                [createdb, "-h", "127.0.0.1", "-p", f"{port}", "-U", "prefect", given["POSTGRES_DB"]],
                check=True, env={"PGPASSWORD": given["POSTGRES_PASSWORD"]}, capture_output=True, **as_user,
            )  # fmt: skip
            yield
        finally:
            server.terminate()
            server.wait(60)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_parts_of_the_compose_file_take_in_what_lands(machine: Machine) -> None:
    (machine.pipelines / "orders.yaml").write_text(PIPELINE)
    master, volume, filer, admin = machine.store_ports
    own = (f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-admin.port={admin}")
    with ExitStack() as stack:
        stack.enter_context(machine.running("store", *own))
        stack.enter_context(running_postgres(machine, stack))
        stack.enter_context(machine.running("prefect"))
        with machine.running("deploy") as deploy:
            assert deploy.wait(DEADLINE_S) == 0, (machine.folder / "deploy.log").read_text()
        stack.enter_context(machine.running("worker"))
        stack.enter_context(machine.running("metrics"))
        client = s3fs.S3FileSystem(
            key=machine.values["AWS_ACCESS_KEY_ID"], secret=machine.values["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=f"http://127.0.0.1:{machine.ports['8333']}", skip_instance_cache=True,
        )  # fmt: skip
        client.pipe_file("landing/orders/a.ndjson", b'{"id": 1}\n{"id": 2}\n')

        shown = wait_for(lambda: machine.rows("orders"), deadline_s=DEADLINE_S, what="rows")
        unauthorized = machine.call("deploy", "env", "PREFECT_API_AUTH_STRING=other", "penstock", "deploy")

    assert [one["id"] for one in json.loads(shown)] == [1, 2]
    assert "401" in unauthorized.stderr or "PREFECT_API_AUTH_STRING" in unauthorized.stderr
    assert shutil.which("weed") is None or (machine.folder / "store.log").stat().st_size

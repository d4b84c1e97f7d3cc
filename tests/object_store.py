"""A real S3 server for tests: SeaweedFS from its wheel, on free ports of this machine, gone at the end."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import s3fs

BUCKET = "lake"
_KEY, _SECRET = "lakekey", "lakesecret"
_READER_KEY, _READER_SECRET = "readerkey", "readersecret"
_READY_WITHIN_S = 30
_GRPC_DISTANCE = 10_000  # weed takes this port too, for each one it is given


@dataclass(frozen=True)
class ObjectStore:
    """Where the server is, and the variables that lead there."""

    endpoint: str

    def environment(self, *, read_only: bool = False) -> dict[str, str]:
        """The `AWS_…` variables of an account that may do everything, or only read."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": _READER_KEY if read_only else _KEY,
            "AWS_SECRET_ACCESS_KEY": _READER_SECRET if read_only else _SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


@contextmanager
def running_object_store() -> Iterator[ObjectStore]:
    """Starts the server, waits until it takes a PUT, and stops it by its process id."""
    folder = Path(tempfile.mkdtemp(prefix="penstock-s3-"))
    ports = free_ports(5)
    with (folder / "weed.log").open("wb") as log:
        server = subprocess.Popen(_command(folder, ports), cwd=folder, stdout=log, stderr=log)
        try:
            store = ObjectStore(f"http://127.0.0.1:{ports[0]}")
            _wait_until_ready(store, server, folder / "weed.log")
            yield store
        finally:
            _stop(server)
            shutil.rmtree(folder, ignore_errors=True)
            _remove_sockets(ports)


def _command(folder: Path, ports: list[int]) -> list[str]:
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": key, "secretKey": secret}],
            "actions": actions,
        }
        for name, key, secret, actions in (
            ("owner", _KEY, _SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
            ("reader", _READER_KEY, _READER_SECRET, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
        )
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    weed = shutil.which("weed") or str(Path(sys.executable).parent / "weed")
    s3, master, volume, filer, admin = ports
    return [
        weed, "-logdir=.", "mini", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={BUCKET}",
        f"-s3.port={s3}", "-s3.config=s3.json", f"-s3.localSocket={folder / 's3.sock'}", "-s3.port.iceberg=0",
        "-s3.port.lance=0", f"-master.port={master}", "-master.telemetry=false", f"-volume.port={volume}",
        f"-filer.port={filer}", f"-filer.localSocket={folder / 'filer.sock'}", f"-admin.port={admin}",
        "-admin.ui=false", "-webdav=false", "-volume.preStopSeconds=0",
    ]  # fmt: skip


def _wait_until_ready(store: ObjectStore, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    client = s3fs.S3FileSystem(
        key=_KEY, secret=_SECRET, endpoint_url=store.endpoint, skip_instance_cache=True
    )
    while True:
        try:
            client.pipe_file(f"{BUCKET}/ready", b"yes")
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start:\n{log.read_text()}") from None
            time.sleep(0.05)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _remove_sockets(ports: list[int]) -> None:
    """Those that weed makes in /tmp whatever it is told, and forgets where it is stopped early."""
    for port in ports:
        for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port + _GRPC_DISTANCE}.sock"):
            socket_file.unlink(missing_ok=True)


def free_ports(count: int) -> list[int]:
    """Ports that are free, and whose companions are, below the range the system gives to clients."""
    found: list[int] = []
    for port in random.sample(range(11_000, 22_000), 2_000):
        if len(found) < count and is_free(port) and is_free(port + _GRPC_DISTANCE):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

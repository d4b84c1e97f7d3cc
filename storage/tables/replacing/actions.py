"""What a commit that replaces files consists of: actions of the Delta protocol, JSON line by line.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md#actions
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

from storage.layout.data_file import DataFile
from storage.tables.delta import METADATA_KEY
from storage.tables.replacing.partition_keys import Partition

_SAFE: Final = "/-_.~!$&'()*+,;=:@"
"""What a path may hold in the log as it is (RFC 3986, pchar)."""


@dataclass(frozen=True)
class ActiveFile:
    """A file of a table that is to be taken out of it.

    path: as the log has it, percent-encoded.
    """

    path: str
    size: int
    partition_values: Mapping[str, str | None]


@dataclass(frozen=True)
class Shape:
    """What a table becomes together with its files, where none of its old ones stays.

    schema: the JSON of a Delta schema.
    configuration: all properties of the table, as texts.
    """

    schema: str
    partition_by: Sequence[str]
    configuration: Mapping[str, str]
    table_id: str
    name: str | None = None
    description: str | None = None
    created_ms: int | None = None


@dataclass(frozen=True)
class Replacement:
    """What one commit does.

    Attributes:
        removes: Files of the table that the commit is made on.
        adds: New ones, which are written already.
        operation: What it is called in the history: `MERGE`, `OPTIMIZE` …
        data_change: False where the table has the same rows before and after.
        reads: The partitions whose rows decided what it does, beside the files that it removes; or `all`.
        told: What it says of itself; must hold a `commit_id`, by which it is known again.
        transactions: The number of each application.
        shape: None where columns, partitions and properties stay as they are.
    """

    removes: Sequence[ActiveFile]
    adds: Sequence[DataFile]
    operation: str
    data_change: bool
    reads: frozenset[Partition] | Literal["all"]
    told: Mapping[str, Any]
    transactions: Mapping[str, int] = field(default_factory=dict)
    shape: Shape | None = None


def logged(path: str) -> str:
    """The path of a data file as the log has it, from that of the store."""
    return quote(path, safe=_SAFE)


def body_of(one: Replacement) -> bytes:
    """The file of the commit, made now."""
    now_ms = time.time_ns() // 1_000_000
    info = {
        "timestamp": now_ms,
        "operation": one.operation,
        "operationParameters": {},
        "isBlindAppend": False,
        "engineInfo": "penstock",
        METADATA_KEY: dict(one.told),
    }
    actions: list[dict[str, Any]] = [{"commitInfo": info}]
    actions += [
        {"txn": {"appId": app, "version": number, "lastUpdated": now_ms}}
        for app, number in one.transactions.items()
    ]
    actions += [] if one.shape is None else [{"metaData": _metadata(one.shape)}]
    actions += [{"remove": _remove(file, one, now_ms)} for file in one.removes]
    actions += [{"add": _add(file, one)} for file in one.adds]
    return "".join(map(_line, actions)).encode()


def _line(action: Mapping[str, Any]) -> str:
    """Characters stay as they are, not escaped: see `storage.layout.bounds.json_text`."""
    return json.dumps(action, separators=(",", ":"), ensure_ascii=False) + "\n"


def _metadata(shape: Shape) -> dict[str, Any]:
    named = {"name": shape.name, "description": shape.description, "createdTime": shape.created_ms}
    return {
        "id": shape.table_id,
        **{name: value for name, value in named.items() if value is not None},
        "format": {"provider": "parquet", "options": {}},
        "schemaString": shape.schema,
        "partitionColumns": list(shape.partition_by),
        "configuration": dict(shape.configuration),
    }


def _remove(file: ActiveFile, one: Replacement, now_ms: int) -> dict[str, Any]:
    return {
        "path": file.path,
        "deletionTimestamp": now_ms,
        "dataChange": one.data_change,
        "extendedFileMetadata": True,
        "partitionValues": dict(file.partition_values),
        "size": file.size,
    }


def _add(file: DataFile, one: Replacement) -> dict[str, Any]:
    return {
        "path": logged(file.path),
        "partitionValues": dict(file.partition_values),
        "size": file.size,
        "modificationTime": file.modified_ms,
        "dataChange": one.data_change,
        "stats": file.stats,
    }

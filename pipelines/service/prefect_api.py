"""The few questions that the service asks of Prefect's API, without importing Prefect."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.service.answers import PATIENCE_S


@dataclass(frozen=True, slots=True)
class PrefectApi:
    """The API at a URL.

    Attributes:
        auth: `user:password`; empty where the server asks for none.
    """

    url: str
    auth: str = ""

    def worker_is_online(self, pool: str, since: datetime) -> bool:
        """Whether a worker of the pool has given a sign of life after a moment."""
        token = self._asked(f"/csrf-token?client={uuid.uuid4()}") or {}
        headers = {
            "Prefect-Csrf-Client": str(token.get("client")),
            "Prefect-Csrf-Token": str(token.get("token")),
        }
        workers = self._asked(f"/work_pools/{pool}/workers/filter", {}, headers) or []
        return any(
            one["status"] == "ONLINE" and datetime.fromisoformat(one["last_heartbeat_time"]) >= since
            for one in workers
        )

    def _asked(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """The answer; None where there is none, or it is an error."""
        given = {"content-type": "application/json", **(headers or {})}
        if self.auth:
            given["authorization"] = "Basic " + base64.b64encode(self.auth.encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)  # row objects allowed: an answer of the API
        except (OSError, http.client.HTTPException, ValueError):
            return None

"""Whether somebody answers at a URL."""

from __future__ import annotations

import http.client
import urllib.request

PATIENCE_S = 5


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return bool(answer.status == http.HTTPStatus.OK)
    except (OSError, http.client.HTTPException):
        return False

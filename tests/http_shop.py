"""What tests of the HTTP API send, and what they hold its problems against."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

Serve = Callable[..., TestClient]


def by_item(item: str = "red-red", attribute: str = "top", **more: Any) -> dict[str, Any]:
    return {"parts": [{"reference": f"item:{item}", "weights": {attribute: 1}}], **more}


def form(query: Any, *files: tuple[str, bytes]) -> dict[str, Any]:
    """What a multipart request is given: the query's JSON and photos by name."""
    parts = [("photos", (name, content, "application/octet-stream")) for name, content in files]
    return {"files": [("query", (None, json.dumps(query))), *parts]}


def problem(answer: Any, status: int, kind: str) -> str:
    """Hold an answer against RFC 9457 and give its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert (body["type"], body["status"]) == (f"urn:lapel:problem:{kind}", status)
    return str(body["detail"])

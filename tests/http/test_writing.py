"""Adding and removing over HTTP: only with --write, all or nothing, visible at once."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from http_shop import Serve, by_item, problem
from lapel import Catalogue
from lapel.interfaces.http import Settings
from lapel.store import writing


@pytest.fixture
def writer(own: Catalogue, serve: Serve) -> TestClient:
    return serve(Settings(write=True), over=own)


def new(items: Any, *files: tuple[str, bytes]) -> dict[str, Any]:
    return {"files": [("items", (None, json.dumps(items))), *(("photos", file) for file in files)]}


def test_without_write_nothing_can_be_changed(client: TestClient, photos: Path) -> None:
    sent = new([{"id": "x", "photo": "x.png"}], ("x.png", (photos / "red-red.png").read_bytes()))
    assert "--write" in problem(client.post("/v1/items", **sent), 405, "method")
    assert "--write" in problem(client.delete("/v1/items/red-red"), 405, "method")
    document = client.get("/openapi.json").json()
    assert "post" not in document["paths"]["/v1/items"] and "delete" not in document["paths"]["/v1/items/{id}"]
    assert client.get("/v1/attributes").json()["write"] is False


def test_added_items_are_found_at_once(writer: TestClient, own: Catalogue, photos: Path, model: Any) -> None:
    items = [
        {"id": "new/1", "photo": "a.png", "metadata": {"price": 7, "bottom_colour": ["red", "blue"], "sale": True}},
        {"id": "new/2", "photo": "b.png", "metadata": {"title": "another", "price": None}},
    ]
    files = [("a.png", (photos / "red-blue.png").read_bytes()), ("b.png", (photos / "blue-red.png").read_bytes())]
    assert writer.post("/v1/items", **new(items, *files)).json() == {"added": 2, "items": 7}
    found = writer.post("/v1/search", json=by_item("new/1", where="price < 10 and sale = true")).json()
    assert [hit["item"] for hit in found["hits"]] == ["new/1"]
    item = writer.get("/v1/items/new%2F1").json()
    assert item["labels"]["bottom_colour"] == ["blue", "red"] and item["metadata"]["price"] == 7
    assert writer.get(item["image"]).content == Catalogue.open(own.folder).thumb("new/1")
    assert "price" not in writer.get("/v1/items/new%2F2").json()["metadata"]
    assert {c["name"] for c in writer.get("/v1/attributes").json()["columns"]} >= {"sale", "price"}
    assert len(Catalogue.open(own.folder)) == 7


def test_removed_items_are_gone_at_once(writer: TestClient) -> None:
    assert writer.delete("/v1/items/red-red").json() == {"removed": 1, "items": 4}
    problem(writer.get("/v1/items/red-red"), 404, "not-found")
    problem(writer.delete("/v1/items/red-red"), 404, "not-found")
    assert "red-red" not in writer.post("/v1/search", json=by_item("red-blue")).text


def test_one_bad_photo_and_nothing_is_added(writer: TestClient, photos: Path) -> None:
    good = ("a.png", (photos / "red-blue.png").read_bytes())
    items = [{"id": "1", "photo": "a.png"}, {"id": "2", "photo": "b.png"}]
    problem(writer.post("/v1/items", **new(items, good, ("b.png", b""))), 422, "photo")
    problem(writer.post("/v1/items", **new(items, good, ("b.png", b"<svg/>"))), 415, "media-type")
    problem(writer.post("/v1/items", **new(items, good)), 422, "query")
    assert writer.get("/v1/health").json()["items"] == 5


@pytest.mark.parametrize(
    "items",
    [
        {},
        [],
        [{"id": "x"}],
        [{"id": "", "photo": "a.png"}],
        [{"id": "x", "photo": "b.png"}],
        [{"id": "x", "photo": "a.png", "path": "/etc/passwd"}],
        [{"id": "x", "photo": "a.png", "metadata": {"price": {"$gt": 1}}}],
        [{"id": "x", "photo": "a.png", "metadata": {"price": "cheap"}}],
        [{"id": "x", "photo": "a.png", "metadata": {"price": 2**70}}],
        [{"id": "x", "photo": "a.png"}, {"id": "x", "photo": "b.png"}],
        [{"id": "x", "photo": "a.png"}, {"id": "y", "photo": "a.png"}],
        [{"id": 5, "photo": "a.png"}],
    ],
)
def test_wrong_items_are_refused(items: Any, writer: TestClient, photos: Path) -> None:
    problem(writer.post("/v1/items", **new(items, ("a.png", (photos / "red-red.png").read_bytes()))), 422, "query")
    assert writer.get("/v1/health").json()["items"] == 5


def test_an_id_that_is_there_is_not_overwritten(writer: TestClient, photos: Path) -> None:
    sent = new([{"id": "red-red", "photo": "a.png"}], ("a.png", (photos / "blue-red.png").read_bytes()))
    assert "red-red" in problem(writer.post("/v1/items", **sent), 409, "exists")


def test_a_writer_that_soon_ends_is_waited_for(writer: TestClient, own: Catalogue, photos: Path) -> None:
    sent = new([{"id": "x", "photo": "a.png"}], ("a.png", (photos / "red-red.png").read_bytes()))
    with ThreadPoolExecutor(1) as beside:
        with writing(own.folder):
            waiting = beside.submit(writer.post, "/v1/items", **sent)
            time.sleep(0.5)
            assert not waiting.done()
        assert waiting.result().json() == {"added": 1, "items": 6}


def test_a_busy_catalogue_is_a_clear_problem(own: Catalogue, serve: Serve, photos: Path) -> None:
    writer = serve(Settings(write=True, write_seconds=0.2), over=own)
    sent = new([{"id": "x", "photo": "a.png"}], ("a.png", (photos / "red-red.png").read_bytes()))
    with writing(own.folder):
        answer = writer.post("/v1/items", **sent)
        assert str(own.folder) not in problem(answer, 409, "busy-catalogue")
        assert answer.headers["retry-after"]
        problem(writer.delete("/v1/items/red-red"), 409, "busy-catalogue")
    assert writer.post("/v1/items", **sent).status_code == 200

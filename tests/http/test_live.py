"""Items that another process adds are served without a restart; a damaged state does not end the service."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from colour_model import ColourModel, draw
from http_shop import Serve, by_item
from lapel import Catalogue
from lapel.interfaces.http import Settings
from lapel.interfaces.http.settings import Limits
from lapel.interfaces.http.shelf import Shelf
from lapel.search import Reference

FAST = Settings(refresh_seconds=0.01)


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "did not happen in 20 s"
        time.sleep(0.02)


def test_items_added_by_another_process_are_found(
    own: Catalogue, serve: Serve, tmp_path: Path, model: ColourModel
) -> None:
    client = serve(FAST, over=own)
    assert client.get("/v1/health").json()["items"] == 5
    draw(tmp_path / "more" / "blue-blue.png", "blue", "blue")
    Catalogue.open(own.folder, model).add(tmp_path / "more")
    eventually(lambda: client.get("/v1/health").json()["items"] == 6)
    hits = client.post("/v1/search", json=by_item("blue-blue.png", "look", k=1)).json()["hits"]
    assert hits[0]["item"] == "blue-blue.png"
    assert client.get(hits[0]["image"]).status_code == 200
    Catalogue.open(own.folder, model).remove(["red-red"])
    eventually(lambda: client.get("/v1/items/red-red").status_code == 404)


def test_nothing_is_loaded_while_nothing_changes(own: Catalogue, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(FAST, over=own)
    opened: list[object] = []
    original = Catalogue.open
    monkeypatch.setattr(Catalogue, "open", lambda *given: opened.append(given) or original(*given))
    for _ in range(5):
        assert client.post("/v1/search", json=by_item()).status_code == 200
        time.sleep(0.02)
    assert not opened


def test_a_state_that_cannot_be_loaded_leaves_the_one_before(own: Catalogue, serve: Serve) -> None:
    client = serve(FAST, over=own)
    manifest = own.folder / "catalogue.json"
    good = manifest.read_text()
    manifest.write_text("{")
    eventually(lambda: client.get("/v1/health").json()["status"] == "stale")
    health = client.get("/v1/health").json()
    assert health["items"] == 5 and str(own.folder) not in health["trouble"]
    assert len(client.post("/v1/search", json=by_item()).json()["hits"]) == 5
    manifest.write_text(good)
    eventually(lambda: client.get("/v1/health").json()["status"] == "ok")


def kept(name: str) -> Reference:
    return Reference(name, {}, None, b"")  # type: ignore[arg-type]


def test_the_shelf_forgets_the_longest_unasked_first() -> None:
    shelf = Shelf(2, 100)
    first, second = shelf.put(kept("a")), shelf.put(kept("b"))
    assert first != second and len(first) == len("photo:") + 32
    assert shelf.get(first) is not None
    third = shelf.put(kept("c"))
    assert shelf.get(second) is None
    found = shelf.get(first)
    assert found is not None and found.name == first and shelf.get(third) is not None


def test_the_shelf_forgets_with_time() -> None:
    now = [0.0]
    shelf = Shelf(9, 100, clock=lambda: now[0])
    name = shelf.put(kept("a"))
    now[0] = 90
    assert shelf.get(name) is not None
    now[0] = 180
    assert shelf.get(name) is not None, "asking keeps it"
    now[0] = 281
    assert shelf.get(name) is None and len(shelf) == 0


def test_the_limits_of_the_command_are_those_of_the_server() -> None:
    from lapel.interfaces.cli._limits import LIMITS

    assert {field: default for _, field, default, _ in LIMITS} == vars(Limits())


@pytest.mark.parametrize("loose", [False, True], ids=["empty", "photos without a column"])
def test_a_catalogue_without_columns_is_served(
    loose: bool, serve: Serve, tmp_path: Path, photos: Path, model: ColourModel
) -> None:
    made = Catalogue.create(tmp_path / "bare.lapel", model)
    if loose:
        made.add([("a", str(photos / "red-red.png"), {})])
    client = serve(over=made)
    assert client.get("/v1/attributes").json()["columns"] == []
    assert client.get("/v1/items").json()["total"] == int(loose)
    assert client.get("/v1/health").json()["items"] == int(loose)
    assert client.post("/v1/search", json=by_item("a")).status_code == (200 if loose else 422)

"""A whole catalogue whose rows Qdrant keeps: the same hits and scores as LanceDB's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("qdrant_client", reason="needs the extra: lapel[qdrant]")

from colour_model import OUTFITS, ColourModel, draw, draw_shop
from lapel import Catalogue, read
from lapel.errors import CatalogueError, InputError, UnknownName
from lapel.store.qdrant import QdrantStore


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAPEL_QDRANT_URL", raising=False)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    draw_shop(tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def catalogue(tmp_path: Path, shop: Path) -> Catalogue:
    made = Catalogue.create(tmp_path / "far.lapel", ColourModel(), store="qdrant")
    made.add(read(shop, attributes=["top_colour", "bottom_colour"]))
    return made


def test_answers_are_those_of_lancedb(catalogue: Catalogue, shop: Path, tmp_path: Path) -> None:
    near = Catalogue.create(tmp_path / "near.lapel", ColourModel())
    near.add(read(shop, attributes=["top_colour", "bottom_colour"]))
    reopened = Catalogue.open(catalogue.folder, ColourModel())
    assert isinstance(reopened.store, QdrantStore) and not (catalogue.folder / "items.lance").exists()
    for like in ("item:red-blue", {"item:red-red": {"top": 0.7}, "item:blue-red": {"bottom": 0.3}}):
        for where in ("", "price < 40 and bottom_colour = 'blue'"):
            assert reopened.search(like, where=where) == near.search(like, where=where)
    assert reopened.items().table.to_pydict() == near.items().table.to_pydict()
    assert reopened.get("red-red") == near.get("red-red") and reopened.thumb("red-red") == near.thumb("red-red")


def test_it_is_changed_and_verified_like_any_other(catalogue: Catalogue, tmp_path: Path) -> None:
    assert catalogue.update({"red-red": {"price": 11, "size": "XL"}}).updated == 1
    assert catalogue.remove(["red-blue"]) == 1
    catalogue.compact()
    assert catalogue.add([("new", draw(tmp_path / "n.png", "white", "white"), {"price": 1})]).new == 1
    reopened = Catalogue.open(catalogue.folder, ColourModel())
    assert reopened.items().table["price"].to_pylist() == [11, 30, 40, None, 1]
    report = reopened.verify()
    assert report.ok and report.items == len(OUTFITS), report.problems
    assert reopened.info()["store"] == "qdrant"


def test_a_reader_refreshes(catalogue: Catalogue) -> None:
    reader = Catalogue.open(catalogue.folder, ColourModel())
    assert len(reader.search("item:red-red")) == 5 and not reader.refresh()
    catalogue.remove(["red-blue"])
    assert reader.refresh() and len(reader.search("item:red-red")) == 4


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"Qdrant at http://127.0.0.1:1 did not do what was asked: .*refused"):
        Catalogue.create(tmp_path / "far.lapel", ColourModel(), store="qdrant:http://127.0.0.1:1")


def test_a_collection_that_holds_points_is_not_taken(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    made = Catalogue.create(tmp_path / "second" / "a.lapel", ColourModel(), store="qdrant::memory:#lapel-taken")
    made.add([("a", draw(tmp_path / "a.png", "red", "red"), {})])
    with pytest.raises(CatalogueError, match="has a collection 'lapel-taken' that holds points"):
        Catalogue.create(tmp_path / "second" / "b.lapel", ColourModel(), store="qdrant::memory:#lapel-taken")


def test_a_second_process_is_told_that_files_serve_one_only(catalogue: Catalogue) -> None:
    code = (
        "import sys, lapel\ntry: lapel.Catalogue.open(sys.argv[1])\nexcept lapel.errors.CatalogueError as e: print(e)"
    )
    run = subprocess.run([sys.executable, "-c", code, str(catalogue.folder)], capture_output=True, text=True)
    assert "already accessed by another instance" in run.stdout, run.stderr


def test_wrong_stores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Unknown store 'lanse'. Did you mean 'lance'"):
        Catalogue.create(tmp_path / "x", ColourModel(), store="lanse")
    with pytest.raises(InputError, match="'lance:x' is no store"):
        Catalogue.create(tmp_path / "x", ColourModel(), store="lance:x")

"""The mapped file gives what the table gives, and only for the state that it was made of."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from colour_model import OUTFITS, ColourModel, draw, draw_shop
from lapel import Catalogue
from lapel.search import cold


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    monkeypatch.setattr(cold, "WORTH_IT", 1)
    draw_shop(tmp_path / "shop")
    made = Catalogue.create(tmp_path / "shop.lapel", ColourModel())
    made.add(tmp_path / "shop")
    return made


def test_adding_leaves_the_file_and_opening_maps_it(catalogue: Catalogue) -> None:
    path = catalogue.folder / cold.FILE
    written = path.stat().st_mtime_ns
    reopened = Catalogue.open(catalogue.folder)
    collection, read = reopened.searcher.collection, cold.Collection.load(reopened.store, reopened.manifest.card)
    assert path.stat().st_mtime_ns == written
    assert not collection.index.blocks["top"].flags.owndata
    assert (collection.ids, collection.images) == (read.ids, read.images)
    assert collection.metadata.equals(read.metadata)
    assert list(collection.index.blocks) == list(read.index.blocks)
    for name, block in read.index.blocks.items():
        np.testing.assert_array_equal(collection.index.blocks[name], block)
    np.testing.assert_array_equal(collection.best, read.best)
    np.testing.assert_array_equal(collection.probability, read.probability)
    assert [hit.item for hit in reopened.search("item:red-blue", where="price = 20")] == ["red-blue"]


def test_a_file_of_another_state_is_passed_over_and_made_anew_once_it_has_rested(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (catalogue.folder / cold.FILE).read_bytes()
    catalogue.update({"red-red": {"price": 999}})
    hit = Catalogue.open(catalogue.folder).search("item:red-red", k=1)[0]
    assert hit.metadata["price"] == 999
    assert (catalogue.folder / cold.FILE).read_bytes() == before
    monkeypatch.setattr(cold, "REST_S", -1.0)
    hit = Catalogue.open(catalogue.folder).search("item:red-red", k=1)[0]
    assert hit.metadata["price"] == 999
    assert (catalogue.folder / cold.FILE).read_bytes() != before


def test_every_damaged_byte_is_noticed(catalogue: Catalogue) -> None:
    path = catalogue.folder / cold.FILE
    whole, card = path.read_bytes(), catalogue.manifest.card
    assert cold._load(catalogue.folder, catalogue.store, card) is not None
    used = np.flatnonzero(np.frombuffer(whole, np.uint8))  # bytes between the parts are never read
    for at in np.random.default_rng(0).choice(used, 200, replace=False):
        broken = bytearray(whole)
        broken[at] ^= 1
        path.write_bytes(broken)
        assert cold._load(catalogue.folder, catalogue.store, card) is None, f"byte {at}"


def test_an_empty_catalogue_and_a_small_one_have_no_file(tmp_path: Path) -> None:
    made = Catalogue.create(tmp_path / "small.lapel", ColourModel())
    assert len(made.searcher.collection) == 0
    made.add([("a", draw(tmp_path / "a.png", "red", "red"), {})])
    assert len(made.search("item:a")) == 1
    assert not (made.folder / cold.FILE).exists()


def test_what_a_killed_process_left_is_removed_later(catalogue: Catalogue) -> None:
    left = catalogue.folder / f".{cold.FILE}.1.2.part"
    left.write_bytes(b"half")
    cold.save(catalogue.folder, catalogue.searcher.collection)
    assert left.exists()  # perhaps another process is at it
    os.utime(left, (0, 0))
    cold.save(catalogue.folder, catalogue.searcher.collection)
    assert not left.exists()


def test_a_folder_that_cannot_be_written_is_read_as_before(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    (catalogue.folder / cold.FILE).unlink()

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cold, "_write", refuse)
    assert len(Catalogue.open(catalogue.folder).search("item:red-red")) == len(OUTFITS)
    assert not (catalogue.folder / cold.FILE).exists()

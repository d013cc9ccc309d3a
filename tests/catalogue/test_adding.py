"""Sources that are iterators; nothing embedded twice; writers that wait; readers beside a writer."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colour_model import OUTFITS, ColourModel, draw
from lapel import Catalogue
from lapel.errors import CatalogueError, ImageNotAnImage, InputError
from lapel.store import writing


@pytest.fixture
def model() -> ColourModel:
    return ColourModel()


@pytest.fixture
def catalogue(tmp_path: Path, model: ColourModel) -> Catalogue:
    return Catalogue.create(tmp_path / "shop.lapel", model)


def entries(folder: Path) -> Iterator[tuple[str, object, dict[str, object]]]:
    """One photo as a path, one as bytes, one as a picture."""
    yield "path", draw(folder / "a.png", "red", "blue"), {"price": 1, "colours": {"red", "blue"}}
    yield "bytes", draw(folder / "b.png", "green", "blue").read_bytes(), {"price": 2.5, "colours": ["green"]}
    yield "picture", Image.open(draw(folder / "c.png", "blue", "red")), {"name": "c"}


def test_an_iterator_of_paths_bytes_and_pictures(catalogue: Catalogue, tmp_path: Path) -> None:
    report = catalogue.add(entries(tmp_path))
    assert (report.new, report.embedded) == (3, 3)
    items = catalogue.items()
    assert items.ids == ("path", "bytes", "picture")
    assert items.table["price"].to_pylist() == [1.0, 2.5, None]
    assert items[0].labels["colours"] == frozenset({"red", "blue"})
    assert [Path(catalogue.get(i).image).name for i in items.ids] == ["a.png", "", ""]
    assert catalogue.search("item:bytes", where="colours = 'green'")[0].item == "bytes"
    assert catalogue.verify().ok
    again = catalogue.add(entries(tmp_path))
    assert (again.new, again.unchanged, again.embedded, again.updated) == (0, 3, 0, 0)


def test_an_iterator_is_read_lot_by_lot(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ColourModel
) -> None:
    monkeypatch.setattr("lapel.catalogue.sources.ENTRIES_A_LOT", 4)
    taken: list[int] = []

    def endless() -> Iterator[tuple[str, bytes, dict[str, int]]]:
        for number in range(1000):
            taken.append(number)
            yield str(number), draw(tmp_path / "x.png", "red", "red").read_bytes(), {"n": number}

    def stop(ids: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalogue.add(endless(), committed=stop)
    assert len(taken) == 4 and len(Catalogue.open(catalogue.folder)) == 4
    assert model.embedded == 1


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (("a", b"x"), "is no item; give"),
        ((5, b"x", {}), "5 is no id"),
        (("a", 5, {}), "The photo of 'a' is int"),
        (("a", b"x", 5), "The metadata of 'a' are int"),
        (("a", b"x", {"price": {"a": 1}}), "holds struct"),
    ],
)
def test_wrong_entries_are_refused(catalogue: Catalogue, entry: object, says: str) -> None:
    with pytest.raises(Exception, match=says) as refusal:
        catalogue.add([entry])  # type: ignore[list-item]
    assert refusal.type.__module__ == "lapel.errors"


def test_ids_that_come_twice_and_kinds_that_differ_are_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    photo = draw(tmp_path / "x.png", "red", "red")
    with pytest.raises(InputError, match="'a' is no id, or comes twice"):
        catalogue.add([("a", photo, {}), ("a", photo, {})])
    with pytest.raises(InputError, match="'price' are of several kinds"):
        catalogue.add([("a", photo, {"price": 1}), ("b", photo, {"price": "x"})])
    assert len(catalogue) == 0


def test_unreadable_bytes_are_listed_by_id(catalogue: Catalogue, tmp_path: Path) -> None:
    photo = draw(tmp_path / "x.png", "red", "red")
    report = catalogue.add([("bad", b"no picture", {}), ("good", photo, {}), ("empty", b"", {})])
    assert report.new == 1 and isinstance(report.unreadable[0], ImageNotAnImage)
    assert [str(error).split(":")[0] for error in report.unreadable] == ["bad", "empty"]


def test_the_same_photo_in_different_passes_is_embedded_once(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: ColourModel
) -> None:
    monkeypatch.setattr("lapel.catalogue.engines.PHOTOS_A_PASS", 2)
    for number, (top, bottom) in enumerate([*OUTFITS.values()] * 3):
        draw(tmp_path / "photos" / f"{number:02}.png", top, bottom)
    report = catalogue.add(tmp_path / "photos")
    assert (report.new, report.embedded, model.embedded) == (15, 5, 5)
    whole = catalogue.embeddings().outputs.embeddings
    np.testing.assert_array_equal(whole[:5], whole[10:])


def test_two_photos_that_change_places_keep_their_own_embeddings(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lapel.catalogue.engines.PHOTOS_A_PASS", 1)
    monkeypatch.setattr("lapel.catalogue.adding.ROWS_A_COMMIT", 1)
    a, b = draw(tmp_path / "p" / "a.png", "red", "red"), draw(tmp_path / "p" / "b.png", "blue", "blue")
    catalogue.add(tmp_path / "p")
    before = dict(zip(catalogue.embeddings().ids, catalogue.embeddings().outputs.embeddings, strict=True))
    shutil.move(a, tmp_path / "c.png")
    shutil.move(b, a)
    shutil.move(tmp_path / "c.png", b)
    assert catalogue.add(tmp_path / "p").changed == 2
    after = dict(zip(catalogue.embeddings().ids, catalogue.embeddings().outputs.embeddings, strict=True))
    np.testing.assert_array_equal(after["a.png"], before["b.png"])
    np.testing.assert_array_equal(after["b.png"], before["a.png"])


HOLD = """
import sys, time
from pathlib import Path
from lapel.store.lock import writing
with writing(Path(sys.argv[1])):
    print('held', flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_writer_waits_for_another_as_long_as_it_is_told(catalogue: Catalogue, tmp_path: Path) -> None:
    photo = draw(tmp_path / "x.png", "red", "red")
    with subprocess.Popen([sys.executable, "-c", HOLD, str(catalogue.folder), "1"], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(CatalogueError, match="being written by another process .*still after 0.1 s"):
            catalogue.add([("a", photo, {})], wait=0.1)
        assert catalogue.add([("a", photo, {})], wait=60).new == 1
    with pytest.raises(InputError, match="wait is -1"):
        catalogue.remove(["a"], wait=-1)


def test_a_reader_sees_what_another_process_stored_when_it_asks(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.add([("a", draw(tmp_path / "a.png", "red", "red"), {})])
    reader = Catalogue.open(catalogue.folder)
    assert len(reader.search("item:a")) == 1 and not reader.refresh()
    catalogue.add([("b", draw(tmp_path / "b.png", "blue", "red"), {"tag": {"x"}})])
    assert len(reader.search("item:a")) == 1
    assert reader.refresh() and not reader.refresh()
    assert len(reader.search("item:a")) == len(reader) == 2
    assert [hit.item for hit in reader.search("item:a", where="tag = 'x'")] == ["b"]


def test_searches_of_the_same_object_go_on_while_it_adds(catalogue: Catalogue, tmp_path: Path) -> None:
    first = draw(tmp_path / "first.png", "red", "red")
    catalogue.add([("first", first, {"n": 0})])
    assert len(catalogue.search("item:first")) == 1
    stored, go_on = threading.Event(), threading.Event()

    def committed(ids: object) -> None:
        stored.set()
        go_on.wait(30)

    def photos() -> Iterator[tuple[str, bytes, dict[str, int]]]:
        for number in range(3):
            yield str(number), draw(tmp_path / f"{number}.png", "blue", "green").read_bytes(), {"n": number}

    thread = threading.Thread(target=lambda: catalogue.add(photos(), committed=committed))
    thread.start()
    assert stored.wait(30)
    assert [hit.item for hit in catalogue.search("item:first", where="n >= 0")] == ["first"]
    go_on.set()
    thread.join(30)
    assert len(catalogue.search("item:first", where="n >= 0")) == 4


def test_a_lock_held_in_the_same_process_counts_too(catalogue: Catalogue) -> None:
    began = time.monotonic()
    with writing(catalogue.folder), pytest.raises(CatalogueError, match="being written"):
        catalogue.compact(wait=0.2)
    assert time.monotonic() - began < 20


def test_bytes_hash_as_their_file_does(catalogue: Catalogue, tmp_path: Path, model: ColourModel) -> None:
    photo = draw(tmp_path / "a.png", "red", "blue")
    catalogue.add([("as bytes", photo.read_bytes(), {})])
    catalogue.add([("as path", photo, {})])
    assert model.embedded == 1
    with Image.open(io.BytesIO(catalogue.thumb("as path"))) as thumb:
        assert thumb.size == (32, 32)

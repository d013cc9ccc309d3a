"""Kills at random moments, and files damaged in every way we could think of: never a wrong answer."""

from __future__ import annotations

import re
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fault_harness
from colour_model import ColourModel, draw
from lapel import Catalogue, Hit
from lapel.errors import CatalogueError, LapelError
from lapel.search import cold

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of other systems")


@pytest.mark.parametrize("rounds", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, rounds: int) -> None:
    tally = fault_harness.run(tmp_path / "shop.lapel", rounds, seed=rounds)
    assert (tally.lost, tally.failed_opens, tally.wrong) == ([], [], [])
    assert tally.rounds == rounds and tally.acknowledged > rounds and tally.reader_opens > rounds
    assert min(tally.killed_in.values()) >= rounds // 4


ASKED = {"item:3": {"top": 0.7, "bottom": 0.3}}
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five commits, one of them a removal and one an update, and a model of its own in the folder."""
    pytest.importorskip("onnx", reason="the test's model is built by onnx, which the base install leaves out")
    from colour_onnx import export_colours

    folder = tmp_path_factory.mktemp("sound")
    made = Catalogue.create(folder / "shop.lapel", export_colours(folder / "model"))
    colours = ("red", "green", "blue")
    for lot in range(3):
        made.add(
            [
                (str(n), draw(folder / "p" / f"{n}.png", colours[n % 3], colours[n // 3 % 3], 16 + n), {"price": n})
                for n in range(6 * lot, 6 * lot + 6)
            ]
        )
    made.remove(["5"])
    made.update({"4": {"price": 400}})
    assert cold.save(made.folder, made.searcher.collection)
    return folder / "shop.lapel"


def cut(pattern: str, keep: float, newest: bool = True) -> Damage:
    """Cut a file short, to nothing with 0."""

    def damage(folder: Path) -> None:
        path = pick(folder, pattern, newest)
        path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])

    return damage


def flip(pattern: str, where: float, newest: bool = True) -> Damage:
    """Flip one bit."""

    def damage(folder: Path) -> None:
        path = pick(folder, pattern, newest)
        content = bytearray(path.read_bytes())
        content[int(where * (len(content) - 1))] ^= 16
        path.write_bytes(content)

    return damage


def zeros(pattern: str, newest: bool = True) -> Damage:
    """The right size, all zeros: what a journalling file system may leave after a power cut."""

    def damage(folder: Path) -> None:
        path = pick(folder, pattern, newest)
        path.write_bytes(b"\0" * path.stat().st_size)

    return damage


def gone(pattern: str, newest: bool = True) -> Damage:
    return lambda folder: pick(folder, pattern, newest).unlink()


def put(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content) and None


def pick(folder: Path, pattern: str, newest: bool) -> Path:
    found = sorted(folder.glob(pattern), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return found[-1 if newest else 0]


def said(reason: str) -> str:
    return re.sub(r"\s+", " ", reason)


DATA, VERSIONS, REMOVED = "items.lance/data/*.lance", "items.lance/_versions/*.manifest", "items.lance/_deletions/*"
DAMAGED: dict[str, tuple[Damage, str]] = {
    "newest manifest empty": (cut(VERSIONS, 0), "opened version"),
    "newest manifest cut": (cut(VERSIONS, 0.6), "opened version"),
    "newest manifest zeros": (zeros(VERSIONS), "opened version"),
    "newest manifest, one bit": (flip(VERSIONS, 0.3), "opened version"),
    "newest data empty": (cut(DATA, 0), "opened version"),
    "newest data cut": (cut(DATA, 0.5), "opened version"),
    "newest data zeros": (zeros(DATA), "opened version"),
    "newest data gone": (gone(DATA), "opened version"),
    "newest data, one bit": (flip(DATA, 0.2), "is not as it was written: its checksum differs"),
    "oldest data, one bit": (flip(DATA, 0.4, newest=False), "is not as it was written: its checksum differs"),
    "list of removed rows empty": (cut(REMOVED, 0), "opened version"),
    "list of removed rows, one bit": (flip(REMOVED, 0.5), "is not as it was written: its checksum differs"),
    "list of removed rows gone": (gone(REMOVED), "opened version"),
    "all manifests empty": (lambda f: [p.write_bytes(b"") for p in f.glob(VERSIONS)] and None, "versions can be read"),
    "catalogue.json empty": (cut("catalogue.json", 0), "cannot be read"),
    "catalogue.json cut": (cut("catalogue.json", 0.5), "cannot be read"),
    "catalogue.json gone": (gone("catalogue.json"), "is not a catalogue"),
    "catalogue.json, another model": (
        lambda f: (
            (f / "catalogue.json").write_text(
                (f / "catalogue.json").read_text().replace('"weights_sha256": "colours"', '"weights_sha256": "other"')
            )
            and None
        ),
        "is damaged",
    ),
    "model, one bit": (flip("model/model.onnx", 0.5), "model.onnx"),
    "model empty": (cut("model/model.onnx", 0), "model.onnx"),
    "card cut": (cut("model/card.json", 0.5), "card"),
    "table gone": (lambda f: shutil.rmtree(f / "items.lance"), "is not a complete catalogue"),
    "sums cut": (cut("items.sums", 0.5), ""),
    "sums, one bit": (flip("items.sums", 0.03), ""),
    "sums garbage": (put("items.sums", b"\xff\x00 no sums\n"), ""),
    "sums gone": (gone("items.sums"), ""),
    "hint garbage": (put("items.lance/_versions/latest_version_hint.json", b"{"), ""),
    "search.cold, one bit": (flip("search.cold", 0.999), ""),
    "search.cold, one bit in its header": (flip("search.cold", 0.0001), ""),
    "search.cold, one bit in its vectors": (flip("search.cold", 0.9), ""),
    "search.cold cut": (cut("search.cold", 0.97), ""),
    "search.cold empty": (cut("search.cold", 0), ""),
    "search.cold zeros": (zeros("search.cold"), ""),
    "lock garbage": (put("writer.lock", b"\xff" * 500), ""),
    "transaction empty": (cut("items.lance/_transactions/*", 0), ""),
}
"""What is damaged -> how, and what is said about it; nothing where every answer stays as it was."""


def answers(folder: Path, query: Path) -> tuple[list[Hit], list[Hit], dict[str, int]]:
    """By item, by photo, and everybody's price."""
    catalogue = Catalogue.open(folder)
    by_item = catalogue.search(ASKED, k=100)
    prices = {row["id"]: row["price"] for row in catalogue.items().table.to_pylist()}
    return by_item, catalogue.search({str(query): "bottom"}, k=100), prices


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_are_refused_or_repaired_with_a_sentence(sound: Path, tmp_path: Path, kind: str) -> None:
    damage, says = DAMAGED[kind]
    query = draw(tmp_path / "query.png", "green", "red")
    folder = tmp_path / "shop.lapel"
    shutil.copytree(sound, folder)
    before = answers(folder, query)
    damage(folder)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            after = answers(folder, query)
        except LapelError as refusal:
            assert says and says in said(str(refusal)), refusal
            return
    if not says:
        assert after == before and not heard
        return
    # Opened at an earlier state, and said so: what is answered is true of that state.
    assert len(heard) == 1 and says in str(heard[0].message) and "is lost" in said(str(heard[0].message))
    expected = {str(n): n for n in range(18)}
    assert after[2].items() <= (expected | {"4": 400}).items() or after[2].items() <= expected.items()
    scores = {hit.item: hit.score for hit in before[0]}
    for hit in after[0]:
        assert hit.item == "5" or hit.score == scores[hit.item]
    assert [hit.score for hit in after[0]] == sorted((hit.score for hit in after[0]), reverse=True)
    assert Catalogue.open(folder).verify().ok  # it was repaired, not only tolerated


def test_verify_finds_a_flipped_bit_in_a_table_too_large_to_be_checked_at_every_opening(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sound, tmp_path / "shop.lapel")
    flip(DATA, 0.2)(tmp_path / "shop.lapel")
    monkeypatch.setattr("lapel.store.lance.CHECKED_AT_OPEN", 0)
    report = Catalogue.open(tmp_path / "shop.lapel").verify()
    assert any("its checksum differs" in problem for problem in report.problems)


def test_damage_from_long_ago_is_refused_and_never_answered_from_a_nearly_empty_state(tmp_path: Path) -> None:
    made = Catalogue.create(tmp_path / "shop.lapel", ColourModel())
    made.add([("first", draw(tmp_path / "a.png", "red", "red"), {"price": 0})])
    oldest = next((made.folder / "items.lance" / "data").iterdir())
    for price in range(12):
        made.add([(f"more {price}", draw(tmp_path / "b.png", "red", "blue", 20 + price), {"price": price})])
    oldest.unlink()
    names = sorted(path.name for path in made.folder.glob(VERSIONS))
    with pytest.raises(CatalogueError, match="newest stored versions can be read; the files are damaged"):
        Catalogue.open(made.folder)
    assert sorted(path.name for path in made.folder.glob(VERSIONS)) == names


def test_a_repaired_catalogue_is_filled_up_by_indexing_again(sound: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop.lapel"
    shutil.copytree(sound, folder)
    cut(DATA, 0)(folder)
    photos = [(str(n), sound.parent / "p" / f"{n}.png", {"price": n}) for n in range(18)]
    with pytest.warns(RuntimeWarning, match="Index again to fill what is missing"):
        report = Catalogue.open(folder).add(photos)
    assert report.unreadable == [] and len(Catalogue.open(folder)) == 18
    fresh = Catalogue.open(folder).embeddings().outputs.embeddings
    np.testing.assert_allclose(np.linalg.norm(fresh, axis=-1), 1, atol=1e-6)

"""Cached features are the towers' own, computed once, addressed by content and model."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from lapel.errors import ImageError
from lapel.images import fit, normalise, open_image
from lapel.images.patches import crops, target_pad
from lapel.models.composed.loading import load_clip, tokenise
from lapel.models.composed.tme import EnhancedText
from lapel.training.composed import features as room
from lapel.training.composed.features import Features
from releases import draw


@pytest.fixture(scope="module")
def clip():
    return load_clip("tiny", "random")


@pytest.fixture
def files(tmp_path):
    made = {f"p{n}": tmp_path / "photos" / f"{n}.png" for n in range(3)}
    for n, path in enumerate(made.values()):
        draw(path, n)
    return made


def test_features_are_the_towers_own(clip, files):
    found = Features(clip, closely=True)
    assert found.see(files) == 3 and found.read([("is red", "p0"), ("is blue", "p1")]) == 2
    for name, path in files.items():
        photo = open_image(path)
        parts = [target_pad(part) for part in (photo, *crops(photo))]
        with torch.no_grad():
            pixels = normalise(np.stack([fit(part, found.preprocess) for part in parts]), found.preprocess)
            plain = clip.towers.images(torch.from_numpy(pixels))
        torch.testing.assert_close(found.pictures([name])[0], plain, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        vector, words = clip.towers.texts(tokenise(["is blue"])[0])
    rows = found.texts([("is blue", "p1")])
    torch.testing.assert_close(rows[0], torch.cat([vector, words[0]]), rtol=1e-4, atol=1e-5)


def test_nothing_is_computed_twice_and_content_decides(clip, files, tmp_path, monkeypatch):
    first = Features(clip, closely=False)
    assert first.see(files) == 3 and first.read([("a", "p0"), ("a", "p1")]) == 1
    moved = {name: shutil.copy(path, tmp_path / f"elsewhere-{name}.png") for name, path in files.items()}
    again = Features(clip, closely=False)
    assert again.see(moved) == 0 and again.read([("a", "p2"), ("b", "p2")]) == 1
    assert torch.equal(again.pictures(list(moved)), first.pictures(list(files)))
    draw(files["p1"].with_name("new.png"), 9)
    assert Features(clip, closely=False).see({"p1": files["p1"].with_name("new.png")}) == 1
    other = load_clip("tiny", "random", seed=2)
    assert other.sha256 != clip.sha256 and Features(other, closely=False).see(files) == 3
    assert Features(clip, closely=False, numbers="float16").see(files) == 3, "other numbers, another address"


def test_a_stop_loses_at_most_what_was_not_saved(clip, files, monkeypatch):
    monkeypatch.setattr(room, "SAVED_EVERY", 1)
    stopped, rows = Features(clip, closely=False), Features.picture_rows

    def twice(self, paths, *rest):
        if len(self._pictures) == 2:
            raise KeyboardInterrupt
        return rows(self, paths, *rest)

    monkeypatch.setattr(Features, "picture_rows", twice)
    with pytest.raises(KeyboardInterrupt):
        stopped.see(files)
    monkeypatch.setattr(Features, "picture_rows", rows)
    assert Features(clip, closely=False).see(files) == 1


def test_the_enhanced_tower_reads_the_reference_and_has_its_own_address(clip, files):
    torch.manual_seed(0)
    tower = EnhancedText(clip.towers)
    plain = Features(clip, closely=True)
    plain.see(files)
    plain.read([("is red", "p0")])
    untrained = Features(clip, closely=True, text=tower)
    untrained.see(files)
    assert untrained.read([("is red", "p0"), ("is red", "p1")]) == 2
    torch.testing.assert_close(untrained.texts([("is red", "p0")]), plain.texts([("is red", "p0")]))
    torch.nn.init.constant_(tower.inject_gates, 0.5)
    trained = Features(clip, closely=True, text=tower)
    trained.see(files)
    assert trained.read([("is red", "p0"), ("is red", "p1")]) == 2
    one, other = trained.texts([("is red", "p0"), ("is red", "p1")])
    assert not torch.allclose(one, other)


def test_long_texts_are_cut_and_said_and_unreadable_pictures_refused(clip, files, tmp_path):
    found = Features(clip, closely=False)
    found.see(files)
    found.read([("red " * 90, "p0"), ("red " * 75, "p1"), ("is short", "p0")])
    assert found.cut == {"red " * 90}
    # The cut text keeps its first 75 words, as CLIP's own tokenizer cuts it.
    assert torch.equal(found.texts([("red " * 90, "p0")]), found.texts([("red " * 75, "p1")]))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="broken.png"):
        Features(clip, closely=False).see({"x": tmp_path / "broken.png"})

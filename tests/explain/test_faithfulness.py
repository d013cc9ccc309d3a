"""The check of heat maps: a model that looks where it says passes it, one that points elsewhere does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colour_model import ColourModel, draw_shop
from lapel import Catalogue
from lapel.errors import InputError
from lapel.explain.faithfulness import blurred, figures, moved, strongest
from lapel.schema import Floats, Outputs, Preprocess


class Spots(ColourModel):
    """`top` reads the upper left quarter's detail, `bottom` the lower right's; the maps say so, or the opposite."""

    def __init__(self, honest: bool = True) -> None:
        super().__init__("spots" if honest else "liar")
        self.card = self.card.with_(grid=(4, 4), preprocess=Preprocess(32, 32, "stretch", 32))
        self.honest = honest

    def __call__(self, pixels: Floats) -> Outputs:
        plain = super().__call__(pixels)
        grey = pixels.mean(axis=1)
        seen = [grey[:, :16, :16].reshape(len(grey), -1), grey[:, 16:, 16:].reshape(len(grey), -1)]
        kept = np.stack([np.stack([s.std(axis=1), s.mean(axis=1), np.full(len(s), 0.1)], axis=1) for s in seen], axis=1)
        maps = np.full((len(pixels), 2, 4, 4), 1e-3, np.float32)
        maps[:, 0 if self.honest else 1, :2, :2] = maps[:, 1 if self.honest else 0, 2:, 2:] = 1
        maps /= maps.sum(axis=(2, 3), keepdims=True)
        unit = kept / np.linalg.norm(kept, axis=-1, keepdims=True)
        return Outputs(unit.astype(np.float32), maps, plain.values, plain.look)


def noisy(folder: Path, count: int) -> Path:
    folder.mkdir()
    for seed in range(count):
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((128, 128), Image.Resampling.NEAREST).save(folder / f"{seed}.png")
    return folder


def test_an_honest_map_passes_and_a_lying_one_does_not(tmp_path: Path) -> None:
    photos = noisy(tmp_path / "photos", 12)
    for honest in (True, False):
        made = Catalogue.create(tmp_path / f"{honest}.lapel", Spots(honest))
        made.add(photos)
        for row in made.faithfulness(pairs=12, share=0.25, times=3, seed=1):
            assert (row.low > 0 and row.wins > 0.8) if honest else row.high < 0.0, row
            assert (
                row.difference == pytest.approx(row.top - row.random, abs=1e-6)
                and row.low <= row.difference <= row.high
            )
        again = made.faithfulness(pairs=12, share=0.25, times=3, seed=1)
        assert [r.to_dict() for r in again] == [
            r.to_dict() for r in made.faithfulness(pairs=12, share=0.25, times=3, seed=1)
        ]


def test_the_strongest_cells_and_their_moves() -> None:
    region = np.array([[0.1, 0.4], [0.2, 0.3]], np.float32)
    assert strongest(region, 0.5).tolist() == [[False, True], [False, True]]
    assert strongest(region, 0.01).sum() == 1
    draw = np.random.default_rng(0)
    for _ in range(20):
        other = moved(strongest(region, 0.25), draw)
        assert other.sum() == 1 and not other[0, 1]
    for share in (0, 1, -0.2, 2):
        with pytest.raises(InputError, match="between 0 and 1"):
            strongest(region, share)


def test_only_the_masked_cells_are_blurred() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((4, 4), dtype=bool)
    mask[0, 0] = True
    found = np.asarray(blurred(Image.fromarray(noise), mask, Preprocess(32, 32, "stretch", 32)))
    assert (found[16:] == noise[16:]).all() and (found[:, 16:] == noise[:, 16:]).all()
    assert found[:16, :16].std() < noise[:16, :16].std() / 2


def test_figures_worked_out_on_paper() -> None:
    before, top = np.array([1.0, 0.8], np.float32), np.array([0.6, 0.6], np.float32)
    random = np.array([[0.9, 0.9], [0.5, 0.7]], np.float32)
    row = figures("a", before, top, random)
    assert (row.pairs, row.wins) == (2, 0.5)
    assert (row.score, row.top, row.random) == (pytest.approx(0.9), pytest.approx(0.3), pytest.approx(0.15))
    assert row.difference == pytest.approx(0.15)


def test_what_cannot_be_checked_is_refused(tmp_path: Path) -> None:
    class Blind(ColourModel):
        def __init__(self) -> None:
            super().__init__("blind")
            self.card = self.card.with_(attends=False)

    for model, message in ((Blind(), "does not attend"), (Spots(), "needs two items")):
        made = Catalogue.create(tmp_path / f"{message[:4]}.lapel", model)
        if message == "does not attend":
            made.add(draw_shop(tmp_path / "shop").parent)
        with pytest.raises(InputError, match=message):
            made.faithfulness()

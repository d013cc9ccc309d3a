"""Regions and crops as one picture: every kind of model by the same call, the crop being what the branch reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch")

from lapel.errors import InputError, UnknownName  # noqa: E402
from lapel.explain.regions import CROP, GAP, LINE, SIDE, draw_regions  # noqa: E402
from lapel.images import cut_crops  # noqa: E402
from lapel.interfaces.cli.regions import command  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.adapter import TorchModel  # noqa: E402
from lapel.models.cards import new_card  # noqa: E402
from lapel.models.registry import build  # noqa: E402
from lapel.schema import Attribute, Crops, Preprocess, Vocabulary  # noqa: E402

WORDS = Vocabulary((Attribute("color", ("red", "blue")), Attribute("cut", ("a", "b", "c"))))
PATCH = {"backbone": "vit", "options": {"width": 24, "layers": 1, "heads": 2, "mlp": 32}}
TWO = {
    "asenpp": {"crops": Crops(0.5, 32, 32, 0.6), "local": {"backbone": "test_resnet", "options": {"hidden": 8}}},
    "rpf": {"crops": Crops(0.5, 32, 32, 0.3), "local": PATCH},
}


def model(system: str) -> TorchModel:
    torch.manual_seed(3)
    asked = {"preprocess": Preprocess(64, 64, "crop", 64), "weights": "random", "dim": 12, **TWO.get(system, {})}
    card = new_card(name=system, system=system, backbone="test_resnet", vocabulary=WORDS, **asked)
    built = build(card)
    with torch.no_grad():  # sharp maps, so that the crops differ
        for weight in built.head.parameters():
            weight.mul_(8)
    return TorchModel(built, card)


def photos(*sizes: tuple[int, int]) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    coarse = [Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)) for _ in sizes]
    return [small.resize(size, Image.Resampling.NEAREST) for small, size in zip(coarse, sizes, strict=True)]


def column(sheet: Image.Image, k: int, top: int, height: int) -> np.ndarray:
    left = GAP + k * (SIDE + GAP)
    return np.asarray(sheet.crop((left, top, left + SIDE, top + height)))


@pytest.mark.parametrize("system", ["triplet", "csn", "asen", "asen_v2", "asenpp", "rpf"])
def test_one_call_draws_every_system(system: str) -> None:
    made, seen = model(system), photos((220, 220), (200, 300))
    sheet = draw_regions(seen, made)
    cell = 2 * LINE + SIDE + GAP + (CROP + LINE if made.card.crops else 0)
    assert sheet.size == (GAP + 2 * (SIDE + GAP), GAP + 2 * cell)
    shown = column(sheet, 0, GAP + 2 * LINE, SIDE)
    assert (shown == np.asarray(seen[0])).all() == (not made.card.attends)


@pytest.mark.parametrize("system", sorted(TWO))
def test_the_crop_beneath_a_photo_is_what_the_second_branch_reads(system: str) -> None:
    made, seen = model(system), photos((300, 220))
    sheet = draw_regions(seen, made, ["cut"])
    crops = made.card.crops
    assert crops is not None
    regions = made.photos(seen).regions
    expected = cut_crops(seen, regions[:, 1:], made.card.preprocess, crops)[0, 0]
    top = GAP + 2 * LINE + SIDE + LINE // 2
    assert (column(sheet, 0, top, crops.height)[:, : crops.width] == expected).all()
    others = cut_crops(seen, regions[:, :1], made.card.preprocess, crops)[0, 0]
    assert (others != expected).any(), "the two attributes look at different parts"


def test_no_photo_and_unknown_attributes_are_sentences() -> None:
    with pytest.raises(InputError, match="give at least one"):
        draw_regions([], model("asen"))
    with pytest.raises(UnknownName, match="colour"):
        draw_regions(photos((64, 64)), model("asen"), ["colour"])


def test_the_command_writes_the_picture(tmp_path: Path) -> None:
    made = model("asenpp")
    checkpoint.save(tmp_path / "two.safetensors", made.model, made.card)
    photos((90, 140))[0].save(tmp_path / "photo.png")
    asked = [str(tmp_path / "photo.png"), "--model", str(tmp_path / "two.safetensors"), "--attributes", "cut", "--out"]
    done = CliRunner().invoke(command, [*asked, str(tmp_path / "out.png")], catch_exceptions=False)
    assert done.exit_code == 0 and "Regions of 1 photo:" in done.output
    with Image.open(tmp_path / "out.png") as sheet:
        assert sheet.width == 2 * GAP + SIDE
    with pytest.raises(InputError, match=r"ends in \.png"):
        CliRunner().invoke(command, [*asked, str(tmp_path / "out.txt")], catch_exceptions=False)

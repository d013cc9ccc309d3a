"""RPF as ONNX, of either stage: equal to PyTorch for any number of photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lapel.embedding import embed
from lapel.export.exporting import export_checkpoint
from lapel.export.loading import load_model
from lapel.models import checkpoint
from lapel.models.adapter import TorchModel
from lapel.models.cards import new_card
from lapel.models.registry import build
from lapel.schema import Crops, Preprocess, Vocabulary

WORDS = Vocabulary.of({"color": ["red", "green"], "sleeve": ["short", "long", "none"]})
LOCAL = {"backbone": "vit", "options": {"width": 12, "layers": 2, "heads": 3, "mlp": 20, "patch": 8}}


def stored(folder: Path, crops: Crops | None) -> Path:
    torch.manual_seed(2)
    second = {"crops": crops, "local": LOCAL} if crops else {}
    card = new_card(
        name="r",
        system="rpf",
        backbone="test_resnet",
        vocabulary=WORDS,
        preprocess=Preprocess(64, 64, "crop", 64),
        weights="random",
        dim=12,
        look_dim=8,
        hidden=8,
        **second,  # type: ignore[arg-type]
    )
    model = build(card).eval()
    with torch.no_grad():
        model.head.attr_embedding.weight.mul_(20)  # type: ignore[operator, union-attr]
        model.head.conv.weight.mul_(20)  # type: ignore[operator, union-attr]
        model.values.prototypes.normal_()
        model.values.scale.fill_(3)
    checkpoint.save(folder / "r.safetensors", model, card)
    return folder / "r.safetensors"


@pytest.mark.parametrize("crops", [None, Crops(0.5, 32, 32, 0.3)], ids=["first stage", "second stage"])
def test_the_export_equals_the_checkpoint(crops: Crops | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{n:02}.png" for n in range(10)]
    for n, path in enumerate(paths):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        coarse.resize((80 + 9 * n, 150 - 5 * n), Image.Resampling.BICUBIC).save(path)
    file = stored(tmp_path, crops)
    certificate = export_checkpoint(file, tmp_path / "out", sample=paths)
    assert certificate.passes
    original, exported = TorchModel(*checkpoint.load(file)), load_model(tmp_path / "out")
    names = [path.name for path in paths]
    one, other = (embed(model, paths, names, batch=4)[0].outputs for model in (original, exported))
    for part in ("embeddings", "regions", "values", "look"):
        assert np.abs(getattr(one, part) - getattr(other, part)).max() < 1e-4, part
    alone = embed(exported, paths[3:4], names[3:4])[0].outputs
    assert np.abs(alone.embeddings - other.embeddings[3:4]).max() < 1e-5

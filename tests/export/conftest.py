"""Small checkpoints with random weights, and photos to compare on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

VALUES = {"color": ["red", "green", "blue"], "sleeve": ["short", "long"]}


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_checkpoint("asen", ...)`: a .safetensors of that system at 64 x 64, made once."""
    import torch

    from lapel.models import checkpoint
    from lapel.models.cards import new_card
    from lapel.models.registry import build
    from lapel.schema import Preprocess, Vocabulary

    folder, made = tmp_path_factory.mktemp("checkpoints"), {}

    def make(system: str = "asen_v2", fitted: bool = True, backbone: str = "test_resnet") -> Path:
        key = (system, fitted, backbone)
        if key not in made:
            torch.manual_seed(0)
            card = new_card(
                name=f"small-{system}",
                system=system,
                backbone=backbone,
                vocabulary=Vocabulary.of(VALUES),
                preprocess=Preprocess(64, 64, "stretch", 64),
                weights="random",
                dim=16,
            )
            model = build(card).eval()
            for part in model.modules():
                if isinstance(part, torch.nn.BatchNorm2d):  # as after training: not the identity
                    part.running_mean.uniform_(-0.2, 0.2)
                    part.running_var.uniform_(0.5, 1.5)
            if fitted:
                model.values.prototypes.copy_(torch.nn.functional.normalize(torch.randn(5, 16), dim=1))
                model.values.scale.fill_(20.0)
                model.values.fitted.fill_(True)
            path = folder / f"{'-'.join(map(str, key))}.safetensors"
            checkpoint.save(path, model, card.with_(values_fitted=fitted))
            made[key] = path
        return made[key]

    return make


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Forty pictures that differ in colour and coarse shape."""
    folder = tmp_path_factory.mktemp("photos")
    rng, paths = np.random.default_rng(0), []
    for n in range(40):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 4, 3), dtype=np.uint8))
        paths.append(folder / f"{n:02}.png")
        coarse.resize((80, 100), Image.Resampling.BICUBIC).save(paths[-1])
    return paths

"""A PyTorch model behind the call that every model answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lapel.models.adapter import TorchModel
from lapel.models.cards import new_card
from lapel.models.registry import build
from lapel.schema import Preprocess, Vocabulary

PIXELS = np.random.default_rng(0).standard_normal((3, 3, 64, 64)).astype(np.float32)


@pytest.mark.parametrize("system", ["triplet", "csn", "asen", "asen_v2"])
def test_it_gives_what_the_model_gives_in_any_precision(system: str) -> None:
    torch.manual_seed(0)
    card = new_card(
        name="small",
        system=system,
        backbone="resnet18",
        cut="layer2",
        vocabulary=Vocabulary.of({"a": "xy", "b": "xyz"}),
        preprocess=Preprocess(64, 64),
        weights="random",
        dim=16,
    )
    model = build(card).eval()
    with torch.inference_mode():
        exact = model(torch.from_numpy(PIXELS))
    plain, half = TorchModel(model, card)(PIXELS), TorchModel(model, card, precision="bf16")(PIXELS)
    for out, slack in ((plain, 1e-5), (half, 0.05)):
        assert out.composed is None
        for found, wanted in zip((out.embeddings, out.regions, out.values, out.look), exact[:4], strict=True):
            assert found.dtype == np.float32 and found.flags.c_contiguous
            np.testing.assert_allclose(found, wanted.numpy(), atol=slack)
        np.testing.assert_allclose(np.linalg.norm(out.embeddings, axis=2), 1, atol=1e-5)
        np.testing.assert_allclose(out.regions.sum(axis=(2, 3)), 1, atol=1e-3)

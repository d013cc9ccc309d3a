"""Prototypes, temperatures and the look against plain computations."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.models import checkpoint  # noqa: E402
from lapel.schema import Vocabulary  # noqa: E402
from lapel.training.data import load_data, multi_hot  # noqa: E402
from lapel.training.finish import SCALES, best_scale, prototypes  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from lapel.training.objective import Input  # noqa: E402
from lapel.training.stage import set_stage, start_processes  # noqa: E402


def test_finish_fits_what_a_plain_pass_over_the_training_photos_gives(tiny_recipe, tmp_path):
    recipe = tiny_recipe("optimiser.epochs=1", "evaluation.batch=5")
    model, _ = checkpoint.load(train(recipe, tmp_path / "run") / "best.safetensors")
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    photos = stage.feed.pictures
    photos.augment = photos.augment.model_copy(update={"flip": 0})
    rows = np.arange(24)
    with torch.no_grad():
        features = model.backbone(Input(recipe.model.preprocess)(torch.from_numpy(photos.batch(rows, 0, rows))))
        embeddings = model(Input(recipe.model.preprocess)(torch.from_numpy(photos.batch(rows, 0, rows)))).embeddings
    held = multi_hot(load_data(recipe).train)
    for column, (k, stored) in enumerate(zip([0, 0, 0, 1, 1], model.values.prototypes, strict=True)):
        mean = embeddings[held[:, column], k].mean(dim=0)
        assert torch.allclose(stored, mean / mean.norm(), atol=1e-5)
    pooled = features.mean(dim=(2, 3))
    assert torch.allclose(model.look.centre, pooled.mean(dim=0), atol=1e-5)
    spread = ((pooled - pooled.mean(dim=0)) @ model.look.projection.T).var(dim=0, unbiased=False)
    expected = torch.linalg.svdvals((pooled - pooled.mean(dim=0)).double())[:8] ** 2 / 24
    assert torch.allclose(spread.double(), expected, rtol=1e-3)
    assert set(np.round(model.values.scale.numpy(), 3)) <= set(np.round(SCALES, 3).astype(np.float32))


def test_a_value_never_seen_in_training_is_never_preferred():
    sums = torch.tensor([[3.0, 0.0], [0.0, 0.0], [2.0, 1.0]], dtype=torch.float64)
    made = prototypes(sums, Vocabulary.of({"color": ["red", "blue", "green"]}))
    assert torch.allclose(made.norm(dim=1), torch.ones(3))
    seen = torch.nn.functional.normalize(sums[[0, 2]].float(), dim=1)
    assert torch.equal(made[[0, 2]], seen)
    assert bool((seen @ made[1] < (seen @ made.T)[:, [0, 2]].min()).all())


def test_the_scale_is_the_likeliest_of_those_tried_and_a_default_without_labels():
    generator = torch.Generator().manual_seed(1)
    cosines = torch.rand(200, 3, generator=generator) * 2 - 1
    truth = torch.distributions.Categorical(logits=12 * cosines).sample()
    held = torch.nn.functional.one_hot(truth, 3).bool()
    held[:50] = False
    chosen = best_scale(cosines, held)
    assert 8 < chosen < 18
    losses = [torch.nn.functional.cross_entropy(cosines[50:] * s, truth[50:]).item() for s in SCALES]
    assert chosen == pytest.approx(SCALES[int(np.argmin(losses))])
    assert best_scale(cosines, torch.zeros_like(held)) == 10.0

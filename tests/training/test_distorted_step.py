"""Learning from distorted anchors: what a step sees, in which order, and that it is a function of its place."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapel.errors import InputError  # noqa: E402
from lapel.training import plans  # noqa: E402
from lapel.training.freezing import training_mode  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from lapel.training.objective import Input  # noqa: E402
from lapel.training.stage import set_stage, start_processes  # noqa: E402
from training_data import BATCHES, TRIPLETS  # noqa: E402

GD = "sampling.distortion={kind: perspective, scales: [0.2, 0.4]}"
STILL = "sampling.augment={flip: 0}"


def make_stage(recipe):
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    training_mode(stage.objective, stage.still, recipe.model.freeze_batchnorm)
    stage.feed.begin(1)
    return stage


OPTIONS = {
    "asen_v2": "{hidden: 16}",
    "asen": "{}",
    "csn": "{}",
    "triplet": "{}",
    "asenpp": "{hidden: 16, attribute_dim: 16}",
    "rpf": "{hidden: 16, dropout: 0}",
}
"""Every system that one stage trains on triplets, the first stages of ASEN++ and RPF included."""


@pytest.mark.parametrize("model", list(OPTIONS))
def test_a_step_is_five_forwards_in_the_published_order(tiny_recipe, model):
    sets = [TRIPLETS, GD, f"model.system={model}", f"model.options={OPTIONS[model]}"]
    stage = make_stage(tiny_recipe(*sets))
    attributes, *photos = stage.feed.batch(0)
    assert len(photos) == 5 and stage.feed.photos == 5 * 4
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    result = stage.objective(attributes, *photos)
    after = {name: value.clone() for name, value in stage.model.named_buffers() if "running" in name}
    counts = [int(v) for n, v in stage.model.named_buffers() if n.endswith("num_batches_tracked")]
    assert counts and set(counts) == {5}

    stage.model.load_state_dict(before)
    pixels = Input(stage.recipe.model.preprocess)
    with torch.no_grad():
        a, n, p, w, u = (stage.model.embed(pixels(photo), attributes) for photo in photos)
    for name, value in stage.model.named_buffers():
        assert "running" not in name or torch.equal(after[name], value), name
    cos = lambda x, y: (x * y).sum(1)  # noqa: E731
    pairs = [(a, n, a, p), (w, n, w, p), (u, n, u, p), (a, n, a, w), (a, n, a, u)]
    terms = [(cos(q, r) - cos(s, t) + 0.2).clamp(min=0).mean() for q, r, s, t in pairs]
    assert float(result.loss.detach()) == pytest.approx(float(sum(terms) / 5), abs=1e-6)
    assert float(result.accuracy) == float((cos(a, p) > cos(a, n)).float().mean())


@pytest.mark.parametrize("kind", ["perspective", "affine", "rotation"])
def test_copies_are_a_function_of_seed_epoch_and_place(tiny_recipe, kind):
    sets = (TRIPLETS, f"sampling.distortion={{kind: {kind}, scales: [0.3, 0.3, 0.6]}}", STILL)
    first, second = (make_stage(tiny_recipe(*sets)).feed.batch(1) for _ in range(2))
    assert len(first) == 1 + 3 + 3
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    anchor, copies = first[1], first[4:]
    assert not any(torch.equal(anchor, copy) for copy in copies) and not torch.equal(copies[0], copies[1])
    black = [(copy == 0).all(dim=-1).float().mean().item() for copy in copies]
    assert black[2] > 0

    other = make_stage(tiny_recipe(*sets, "seed=2"))
    other.feed.drawn = make_stage(tiny_recipe(*sets)).feed.drawn  # the same anchors
    assert torch.equal(other.feed.batch(1)[1], anchor) and not torch.equal(other.feed.batch(1)[4], copies[0])


def test_the_anchor_is_as_it_is_without_copies(tiny_recipe):
    with_copies = make_stage(tiny_recipe(TRIPLETS, GD)).feed.batch(0)
    plain = make_stage(tiny_recipe(TRIPLETS)).feed.batch(0)
    assert all(torch.equal(one, other) for one, other in zip(with_copies[:4], plain, strict=True))


def test_a_distortion_of_scale_zero_is_the_photo_itself(tiny_recipe):
    feed = make_stage(tiny_recipe(TRIPLETS, STILL, "sampling.distortion={scales: [0.0]}")).feed
    batch = feed.batch(0)
    assert np.array_equal(batch[1], batch[4])


def test_in_batch_mode_copies_stand_beside_their_photos(tiny_recipe):
    stage = make_stage(tiny_recipe(BATCHES, GD))
    labels, photos, *copies = stage.feed.batch(0)
    assert [copy.shape for copy in copies] == [photos.shape] * 2 and stage.feed.photos == 3 * 6
    stage.objective.eval()
    result = stage.objective(labels, photos, *copies)
    joined = stage.objective(labels.repeat(3, 1), torch.cat([photos, *copies]))
    plain = stage.objective(labels, photos)
    losses = [float(step.loss.detach()) for step in (result, joined, plain)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6) and losses[0] != pytest.approx(losses[2], abs=1e-4)


def test_a_run_with_copies_ends(tiny_recipe, tmp_path):
    recipe = tiny_recipe(TRIPLETS, GD, "optimiser.epochs=1", "sampling.steps=2")
    folder = train(recipe, tmp_path / "run")
    assert (folder / "best.safetensors").is_file()


def test_a_system_with_its_own_plan_says_that_it_takes_no_copies(tiny_recipe):
    style = ["model.system=style", "model.options={}", "data.attributes=[color]"]
    with pytest.raises(InputError, match="sampling.distortion=null"):
        plans.plan_of(tiny_recipe(TRIPLETS, GD, *style))


@pytest.mark.parametrize(("system", "local"), [("asenpp", "{options: {hidden: 8}}"), ("rpf", "{options: {layers: 1}}")])
def test_the_first_of_two_stages_takes_copies_and_the_second_says_so(tiny_recipe, system, local):
    model = [f"model.system={system}", f"model.options={OPTIONS[system]}"]
    recipe = tiny_recipe(
        TRIPLETS, *model, f"stages=[{{sampling: {{distortion: {{scales: [0.3]}}}}}}, {{model: {{local: {local}}}}}]"
    )
    first, second = recipe.stage(1), recipe.stage(2)
    stage = make_stage(first)
    attributes, *photos = stage.feed.batch(0)
    assert len(photos) == 4 and torch.isfinite(stage.objective(attributes, *photos).loss)
    assert second.sampling.distortion is None and plans.plan_of(second)
    with pytest.raises(InputError, match=r"--set stages\.0\.sampling\.distortion="):
        plans.plan_of(tiny_recipe(TRIPLETS, GD, *model, f"model.local={local}"))

"""One training step: per-role statistics, frozen parts, accumulated gradients, what batch mode counts."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from lapel.errors import InputError, UnknownName  # noqa: E402
from lapel.images import normalise  # noqa: E402
from lapel.schema import Preprocess  # noqa: E402
from lapel.training.criterion import Criterion  # noqa: E402
from lapel.training.freezing import training_mode  # noqa: E402
from lapel.training.loop import _step, train  # noqa: E402
from lapel.training.objective import Input, batch_accuracy  # noqa: E402
from lapel.training.recipe import Loss  # noqa: E402
from lapel.training.stage import set_stage, start_processes  # noqa: E402
from training_data import BATCHES  # noqa: E402


def make_stage(recipe):
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    training_mode(stage.objective, stage.still, recipe.model.freeze_batchnorm)
    stage.feed.begin(1)
    return stage


def buffers(model, ending):
    return {name: value.clone() for name, value in model.named_buffers() if name.endswith(ending)}


def test_the_model_sees_what_serving_gives_it():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 9, 3), np.uint8)
    for channels_last in (True, False):
        made = Input(Preprocess(), channels_last)(torch.from_numpy(pixels))
        assert np.array_equal(made.numpy(), normalise(pixels, Preprocess()))
        assert made.is_contiguous(memory_format=torch.channels_last) == channels_last


def test_a_triplet_step_is_three_forwards_with_statistics_of_their_own(tiny_recipe):
    stage = make_stage(tiny_recipe())
    attributes, anchor, negative, positive = stage.feed.batch(0)
    before = {name: value.clone() for name, value in stage.model.state_dict().items()}
    result = stage.objective(attributes, anchor, negative, positive)
    after = buffers(stage.model, "running_mean")
    assert all(int(count) == 3 for count in buffers(stage.model, "num_batches_tracked").values())

    stage.model.load_state_dict(before)
    pixels = Input(stage.recipe.model.preprocess)
    with torch.no_grad():
        embedded = [stage.model.embed(pixels(role), attributes) for role in (anchor, negative, positive)]
    expected = [torch.equal(after[name], value) for name, value in buffers(stage.model, "running_mean").items()]
    assert expected and all(expected)
    far, near = (embedded[0] * embedded[1]).sum(1), (embedded[0] * embedded[2]).sum(1)
    assert result.loss.item() == pytest.approx(float((far - near + 0.2).clamp(min=0).mean()), abs=1e-6)
    assert result.accuracy.item() == float((near > far).float().mean())


@pytest.mark.parametrize("freeze", ["all", "3"])
def test_frozen_stages_keep_weights_and_statistics(tiny_recipe, tmp_path, freeze):
    lite0 = ["model.backbone=efficientnet_lite0", "model.cut=blocks.4", f"model.freeze={freeze}", "optimiser.epochs=1"]
    recipe = tiny_recipe(*lite0, "sampling.steps=1", "running.checkpoint_steps=0")
    start = make_stage(recipe).model.state_dict()
    run = train(recipe, tmp_path / "run")
    end = {
        k.removeprefix("model."): v for k, v in load_file(run / "last.safetensors").items() if k.startswith("model.")
    }
    kept = {name.split(".")[1] for name in start if name.startswith("backbone") and torch.equal(start[name], end[name])}
    moved = {
        name.split(".")[1] for name in start if name.startswith("backbone") and not torch.equal(start[name], end[name])
    }
    stages = ["conv_stem", "bn1", "blocks_0", "blocks_1", "blocks_2", "blocks_3", "blocks_4"]
    assert moved == set(() if freeze == "all" else stages[3:])
    assert set(stages[:3]) <= kept - moved
    assert not torch.equal(start["head.fc2.weight"], end["head.fc2.weight"])


def test_freezing_more_stages_than_there_are_is_a_sentence(tiny_recipe):
    with pytest.raises(InputError) as error:
        make_stage(tiny_recipe("model.freeze=5"))
    assert str(error.value) == "model.freeze is 5; this backbone has 1 stages. Give 0 to 1, or all."


def test_frozen_batch_norm_keeps_statistics_but_learns(tiny_recipe):
    stage = make_stage(tiny_recipe("model.freeze_batchnorm=true"))
    before = buffers(stage.model, "running_mean")
    weights = {name: value.clone() for name, value in stage.model.named_parameters() if "bn" in name}
    _step(stage, [stage.feed.batch(0)])
    assert all(torch.equal(value, before[name]) for name, value in buffers(stage.model, "running_mean").items())
    assert any(not torch.equal(value, weights[name]) for name, value in stage.model.named_parameters() if "bn" in name)


def test_accumulated_gradients_are_those_of_the_larger_batch(tiny_recipe):
    still = "model.freeze_batchnorm=true"
    small = make_stage(tiny_recipe(still, "sampling.batch=3", "optimiser.accumulate=2"))
    large = make_stage(tiny_recipe(still, "sampling.batch=6"))
    assert small.feed.steps == large.feed.steps == 4
    for step in range(3):
        two = _step(small, [small.feed.batch(2 * step), small.feed.batch(2 * step + 1)])
        one = _step(large, [large.feed.batch(step)])
        assert two.loss.item() == pytest.approx(one.loss.item(), abs=1e-5)


def test_groups_have_their_own_rates(tiny_recipe):
    stage = make_stage(tiny_recipe(BATCHES, "optimiser={lr: 0.01, backbone_lr: 0.001, weight_decay: 0.1}"))
    groups = {g["name"]: (g["lr"], g["weight_decay"]) for g in stage.optimizer.param_groups}
    assert groups == {"backbone": (0.001, 0.1), "head": (0.01, 0.1), "loss": (pytest.approx(0.1), 0.0)}


def test_a_backbone_without_packaged_weights_or_an_unknown_one_is_a_sentence(tiny_recipe):
    with pytest.raises(InputError, match="No packaged weights for 'resnet34'; only efficientnet_lite0 has them"):
        make_stage(tiny_recipe("model.backbone=resnet34", "model.weights=packaged"))
    with pytest.raises(UnknownName, match="Unknown backbone 'resnet51'. Did you mean"):
        make_stage(tiny_recipe("model.backbone=resnet51"))


def test_bf16_autocast_trains_with_a_loss_in_full_precision(tiny_recipe):
    for sampling in ("sampling.steps=1", BATCHES):
        stage = make_stage(tiny_recipe(sampling, "running.precision=bf16-mixed"))
        result = _step(stage, [stage.feed.batch(0)])
        assert result.loss.dtype == torch.float32 and torch.isfinite(result.loss)


def test_batch_accuracy_against_plain_loops():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.nn.functional.normalize(torch.randn(9, 2, 4, generator=generator), dim=2)
    labels = torch.rand(9, 5, generator=generator) < 0.4
    right = total = 0
    for k, part in enumerate((slice(0, 2), slice(2, 5))):
        held = [set(torch.nonzero(row[part]).ravel().tolist()) for row in labels]
        for a in range(9):
            for p in range(9):
                for n in range(9):
                    if a != p and held[a] & held[p] and held[n] and not held[a] & held[n]:
                        total += 1
                        cosines = embeddings[:, k] @ embeddings[a, k]
                        right += bool(cosines[p] > cosines[n])
    assert float(batch_accuracy(embeddings, labels, (2, 3))) == pytest.approx(right / total)


def test_the_criterion_is_the_weighted_sum_and_skips_what_weighs_nothing():
    embeddings = torch.nn.functional.normalize(torch.randn(8, 2, 4), dim=2)
    labels = torch.rand(8, 5) < 0.4
    single = {}
    for name in ("in_batch_triplet", "supcon"):
        single[name] = Criterion(Loss(**{name: 1.0}), (2, 3), 4)(embeddings, labels)
    both = Criterion(Loss(in_batch_triplet=2, supcon=0.5), (2, 3), 4)
    assert not list(both.parameters())
    assert torch.allclose(both(embeddings, labels), 2 * single["in_batch_triplet"] + 0.5 * single["supcon"])
    assert [p.shape for p in Criterion(Loss(proxy=1), (2, 3), 4).parameters()] == [(5, 4)]

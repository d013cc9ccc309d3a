"""ASEN++ as training runs it: two stages, which weights move how fast, what the second takes, resume, both modes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from lapel.errors import CheckpointError, InputError  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.models.crop_model import CropModel  # noqa: E402
from lapel.training import loop  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from lapel.training.plans import plan_of  # noqa: E402
from lapel.training.stage import set_stage, start_processes  # noqa: E402
from training_data import BATCHES, TRIPLETS  # noqa: E402
from training_runs import losses, train_by_two  # noqa: E402

MODEL = "model={system: asenpp, backbone: test_resnet, weights: random, "
MODEL += "dim: 24, options: {hidden: 16, attribute_dim: 16}}"
LOCAL = "{backbone: test_resnet, weights: random, height: 32, width: 32, options: {hidden: 8}}"
STAGES = f"stages=[{{optimiser: {{epochs: 1}}}}, {{optimiser: {{epochs: 2}}, model: {{local: {LOCAL}}}}}]"
SMALL = [MODEL, "model.height=32", "model.width=32", "model.look_dim=8"]
PUBLISHED = TRIPLETS.replace("batch: 4", "batch: 4, order: apn, negative: value, augment: {flip: 0}")


def asenpp(tiny_recipe, mode, *more):
    return tiny_recipe(*SMALL, mode, *more)


@pytest.mark.parametrize("mode", [PUBLISHED, BATCHES.replace("batch: 6", "batch: 6, crops: 1")])
def test_both_stages_by_one_command_in_either_mode(tiny_recipe, tmp_path, mode):
    run = train(asenpp(tiny_recipe, mode, STAGES), tmp_path / "run")
    model, card = checkpoint.load(run / "best.safetensors")
    assert isinstance(model, CropModel) and card.crops is not None
    assert (card.dim, model.dim, card.system, card.values_fitted) == (48, 48, "asenpp", True)
    first = checkpoint.load(run / "stage-1" / "best.safetensors")[1]
    assert first.crops is None and first.dim == 24 and first.fingerprint != card.fingerprint
    last = checkpoint.read(run / "stage-2" / "last.safetensors")
    assert any(name.startswith("local.") for name in last.state)


def test_bf16_runs_both_stages(tiny_recipe, tmp_path):
    run = train(asenpp(tiny_recipe, PUBLISHED, STAGES, "running.precision=bf16-mixed"), tmp_path / "run")
    state = checkpoint.read(run / "best.safetensors").state
    assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())


def test_the_second_stage_moves_the_local_branch_fast_and_the_rest_slowly(tiny_recipe, tmp_path):
    one = train(asenpp(tiny_recipe, PUBLISHED, "optimiser.epochs=1"), tmp_path / "one")
    overrides = [f"model.local={LOCAL}", f"model.start={one / 'last.safetensors'}", "optimiser.slow_lr=1e-5"]
    recipe = asenpp(tiny_recipe, PUBLISHED, *overrides)
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    names = [(group["name"], group["lr"]) for group in stage.optimizer.param_groups]
    assert names == [("local backbone", 1e-3), ("local attention", 1e-3), ("global", 1e-5)]
    stored = checkpoint.read(one / "last.safetensors")
    state = stage.model.state_dict()
    own = [name for name in stored.state if name.startswith(("backbone.", "head."))]
    assert own and all(torch.equal(state[name], stored.state[name]) for name in own)
    inside = {id(p) for group in stage.optimizer.param_groups for p in group["params"]}
    weights = [p for name, p in stage.model.named_parameters() if not name.startswith(("values.", "look."))]
    assert all(id(p) in inside for p in weights) and len(inside) == len(weights), "nothing is frozen, nothing twice"
    slow = {id(p) for p in stage.optimizer.param_groups[2]["params"]}
    assert id(stage.model.head.attr_embedding.weight) in slow


def test_the_first_stage_has_one_rate(tiny_recipe):
    recipe = asenpp(tiny_recipe, PUBLISHED)
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    assert [group["name"] for group in stage.optimizer.param_groups] == ["global"]


def test_the_local_branch_and_the_shared_table_learn_from_the_crops(tiny_recipe, tmp_path):
    one = train(asenpp(tiny_recipe, PUBLISHED, "optimiser.epochs=1"), tmp_path / "one")
    weights = ["loss.global_weight=0", "loss.align_weight=0", "loss.local_weight=1"]
    recipe = asenpp(tiny_recipe, PUBLISHED, f"model.local={LOCAL}", f"model.start={one}", *weights)
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    stage.feed.begin(1)
    stage.objective.train()
    result = stage.objective(*stage.feed.batch(0))
    result.loss.backward()
    assert float(result.loss.detach()) > 0
    got = {n for n, p in stage.model.named_parameters() if p.grad is not None and float(p.grad.abs().sum()) > 0}
    assert "head.attr_embedding.weight" in got and any(n.startswith("local.backbone.") for n in got)
    assert not any(n.startswith("backbone.") for n in got), "no gradient flows through cropping"


def test_killed_inside_the_second_stage_it_ends_with_the_same_weights(tiny_recipe, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    recipe = asenpp(tiny_recipe, PUBLISHED, STAGES, "sampling.augment={flip: 0.5, area: 0.8}")
    train(recipe, tmp_path / "whole")
    plain = loop.save_last

    def killing(stage, folder, place):
        plain(stage, folder, place)
        if folder.path.name == "stage-2" and place.step == 2:
            raise Killed

    monkeypatch.setattr(loop, "save_last", killing)
    with pytest.raises(Killed):
        train(recipe, tmp_path / "killed")
    monkeypatch.undo()
    train(recipe, tmp_path / "killed", resume=True)
    one, other = (load_file(tmp_path / name / "best.safetensors") for name in ("whole", "killed"))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_second_stage_without_its_first_is_one_sentence(tiny_recipe, tmp_path):
    recipe = asenpp(tiny_recipe, PUBLISHED, f"model.local={LOCAL}")
    assert plan_of(recipe).must_start(recipe)
    with pytest.raises(
        InputError, match=r"second stage, which continues the first one's run\. Name that run .*start=PATH"
    ):
        train(recipe, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"model.start='.*nowhere\.safetensors', which cannot be read"):
        train(
            asenpp(tiny_recipe, PUBLISHED, f"model.local={LOCAL}", f"model.start={tmp_path}/nowhere.safetensors"),
            tmp_path / "other",
        )


@pytest.mark.slow
def test_two_processes_train_both_stages_on_the_curve_of_one_with_the_doubled_batch(tiny_recipe, tmp_path):
    asked = [STAGES, "model.freeze_batchnorm=true", "optimiser.lr=1e-4"]
    two = train_by_two(asenpp(tiny_recipe, PUBLISHED, *asked, "sampling.batch=2"), tmp_path)
    one = train(asenpp(tiny_recipe, PUBLISHED, *asked, "sampling.batch=4"), tmp_path / "one")
    for stage in ("stage-1", "stage-2"):
        assert losses(two / stage) == pytest.approx(losses(one / stage), rel=2e-3), stage
    assert (two / "best.safetensors").is_file()

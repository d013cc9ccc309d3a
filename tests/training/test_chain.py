"""Two stages by one command: what the second takes of the first, and stopping inside and between."""

from __future__ import annotations

import shutil

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from lapel.errors import CheckpointError, InputError, UnknownName  # noqa: E402
from lapel.models import checkpoint  # noqa: E402
from lapel.training import load_recipe, loop  # noqa: E402
from lapel.training.loop import train  # noqa: E402
from lapel.training.reading import dump  # noqa: E402

STAGES = "stages=[{optimiser: {epochs: 1}}, {optimiser: {epochs: 2, lr: 1.0e-4}, model: {freeze: 1}}]"


def test_a_chain_runs_its_stages_and_leaves_the_last_ones_model(tiny_recipe, tmp_path):
    recipe = tiny_recipe(STAGES)
    run = train(recipe, tmp_path / "run")
    first, second = (checkpoint.read(run / f"stage-{n}" / "last.safetensors") for n in (1, 2))
    assert (first.info["epoch"], second.info["epoch"]) == (2, 3)
    assert (run / "best.safetensors").read_bytes() == (run / "stage-2" / "best.safetensors").read_bytes()
    model, card = checkpoint.load(run / "best.safetensors")
    assert card.name == recipe.name and card.values_fitted
    assert "continues" in card.pretrained and "/stage-1" in card.pretrained
    frozen = next(iter(model.backbone.stages)).state_dict()
    name = model.backbone.stage_names[0]
    assert all(torch.equal(value, first.state[f"backbone.{name}.{key}"]) for key, value in frozen.items()), (
        "the frozen first stage is where the run before left it"
    )


class Killed(BaseException):
    pass


def test_a_chain_killed_between_and_inside_its_stages_ends_with_the_same_weights(tiny_recipe, tmp_path, monkeypatch):
    recipe = tiny_recipe(STAGES)
    whole = train(recipe, tmp_path / "whole")

    between = tmp_path / "between"
    shutil.copytree(whole, between)
    shutil.rmtree(between / "stage-2")
    (between / "best.safetensors").unlink()
    kept = (between / "stage-1" / "last.safetensors").stat().st_mtime_ns
    train(recipe, between, resume=True)
    assert (between / "stage-1" / "last.safetensors").stat().st_mtime_ns == kept, "a finished stage is not run again"

    inside = tmp_path / "inside"
    plain = loop.save_last

    def killing(stage, folder, place):
        plain(stage, folder, place)
        if folder.path.name == "stage-2" and place.epoch == 1 and place.step == 2:
            raise Killed

    monkeypatch.setattr(loop, "save_last", killing)
    with pytest.raises(Killed):
        train(recipe, inside)
    monkeypatch.undo()
    assert not (inside / "best.safetensors").exists()
    train(recipe, inside, resume=True)

    for run in (between, inside):
        one, other = load_file(run / "best.safetensors"), load_file(whole / "best.safetensors")
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_resolved_chain_reads_back_equal_and_stays_quick(tiny_recipe, tmp_path):
    recipe = tiny_recipe(STAGES)
    (tmp_path / "r.yaml").write_text(dump(recipe))
    assert load_recipe(tmp_path / "r.yaml") == recipe
    assert recipe.quick.quick == recipe.quick
    assert [recipe.quick.stage(n).optimiser.epochs for n in (1, 2)] == [1, 1]
    assert recipe.stage(2).optimiser.lr == 1e-4 and recipe.stage(2).model.freeze == 1
    assert recipe.stage(1).model.start == "" and recipe.stage(2).model.start == "last"
    assert load_recipe(tmp_path / "r.yaml", ["stages.1.optimiser.epochs=7"]).stage(2).optimiser.epochs == 7


def test_a_start_that_does_not_fit_is_one_sentence(tiny_recipe, tmp_path):
    with pytest.raises(
        CheckpointError, match=r"continues an earlier stage from model.start='.*none.*Train the earlier"
    ):
        train(tiny_recipe(f"model.start={tmp_path / 'none.safetensors'}"), tmp_path / "a")
    first = train(tiny_recipe("data.attributes=[color]", "optimiser.epochs=1"), tmp_path / "first")
    with pytest.raises(CheckpointError, match=r"learnt color; this run learns color, pattern, or other values"):
        train(tiny_recipe(f"model.start={first}"), tmp_path / "b")
    other = tiny_recipe("data.attributes=[color]", "model.options={hidden: 24}", f"model.start={first}")
    with pytest.raises(CheckpointError, match=r"is no start for this run: it wants 'head\.\S+' \(\d+"):
        train(other, tmp_path / "c")


def test_a_mistake_in_a_stage_names_the_stage(tiny_recipe):
    with pytest.raises(UnknownName, match="Unknown recipe key 'epoch'. Did you mean 'epochs'"):
        tiny_recipe("stages=[{}, {optimiser: {epoch: 1}}]")
    with pytest.raises(InputError, match=r"stage 2: optimiser.lr: Input should be greater than 0"):
        tiny_recipe("stages=[{}, {optimiser: {lr: -1}}]")
    with pytest.raises(InputError, match="a stage has no stages of its own"):
        tiny_recipe("stages=[{stages: []}]")

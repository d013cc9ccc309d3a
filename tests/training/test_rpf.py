"""RPF as training runs it: two stages, groups and rates, what the losses see, both modes, resume, Google's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lapel.errors import CheckpointError, InputError
from lapel.images import cut_crops, normalise
from lapel.losses.e_infonce import e_infonce, same_value
from lapel.models import checkpoint
from lapel.models.attribute_model import unit
from lapel.models.crop_model import CropModel
from lapel.models.locating import boxes
from lapel.models.rpf_patch import PatchBranch, PatchSize
from lapel.training import Recipe, loop
from lapel.training.loop import train
from lapel.training.objective import Input
from lapel.training.rpf import held_values, rpf_terms, see_rows
from lapel.training.stage import Stage, set_stage, start_processes
from training_data import BATCHES, TRIPLETS
from training_runs import losses, train_by_two
from vit_files import google

Make = Callable[..., Recipe]

MODEL = "model={system: rpf, backbone: test_resnet, weights: random, dim: 24, options: {hidden: 16}}"
VIT = "{width: 12, layers: 2, heads: 3, mlp: 20, patch: 8}"
LOCAL = f"{{backbone: vit, weights: random, height: 32, width: 32, threshold: 0.3, beta: 0.4, options: {VIT}}}"
STAGES = f"stages=[{{optimiser: {{epochs: 1}}}}, {{optimiser: {{epochs: 2}}, model: {{local: {LOCAL}}}}}]"
SMALL = [MODEL, "model.height=32", "model.width=32", "model.look_dim=8"]
PUBLISHED = TRIPLETS.replace("batch: 4", "batch: 4, order: apn, negative: value, augment: {flip: 0}")
OURS = BATCHES.replace("batch: 6", "batch: 6, crops: 1")


def rpf(make: Make, mode: str, *more: str) -> Recipe:
    return make(*SMALL, mode, *more)


def second(make: Make, folder: Path, mode: str = PUBLISHED, *more: str) -> Stage:
    """A second stage, set up on a first one of an epoch."""
    one = train(rpf(make, mode, "optimiser.epochs=1"), folder / "one")
    recipe = rpf(make, mode, f"model.local={LOCAL}", f"model.start={one / 'last.safetensors'}", *more)
    return set_stage(recipe, start_processes(recipe.running), lambda remark: None)


@pytest.mark.parametrize("mode", [PUBLISHED, OURS], ids=["triplets", "batch"])
def test_both_stages_by_one_command_in_either_mode(tiny_recipe: Make, tmp_path: Path, mode: str) -> None:
    run = train(rpf(tiny_recipe, mode, STAGES), tmp_path / "run")
    model, card = checkpoint.load(run / "best.safetensors")
    assert isinstance(model, CropModel) and isinstance(model.local, PatchBranch)
    assert (card.system, card.dim, model.dim, card.values_fitted) == ("rpf", 48, 48, True)
    assert card.crops is not None and (card.crops.beta, card.crops.threshold, card.crops.width) == (0.4, 0.3, 32)
    assert checkpoint.load(run / "stage-1" / "best.safetensors")[1].crops is None


def test_the_second_stage_moves_the_patch_branch_fast_and_the_region_branch_slowly(
    tiny_recipe: Make, tmp_path: Path
) -> None:
    stage = second(tiny_recipe, tmp_path, PUBLISHED, "optimiser={lr: 5.5e-5, slow_lr: 1e-5}")
    groups = [(group["name"], group["lr"]) for group in stage.optimizer.param_groups]
    assert groups == [("region", 1e-5), ("patch", 5.5e-5)]
    slow = {id(p) for p in stage.optimizer.param_groups[0]["params"]}
    assert slow == {id(p) for part in (stage.model.backbone, stage.model.head) for p in part.parameters()}
    stored, state = checkpoint.read(tmp_path / "one" / "last.safetensors").state, stage.model.state_dict()
    taken = [name for name in stored if name.startswith(("backbone.", "head."))]
    assert taken and all(torch.equal(state[name], stored[name]) for name in taken)


def test_the_first_stage_has_one_rate(tiny_recipe: Make) -> None:
    recipe = rpf(tiny_recipe, PUBLISHED)
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    assert [group["name"] for group in stage.optimizer.param_groups] == ["region"]


def test_a_second_stage_needs_a_first(tiny_recipe: Make) -> None:
    recipe = rpf(tiny_recipe, PUBLISHED, f"model.local={LOCAL}")
    with pytest.raises(InputError, match="second stage"):
        set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    recipe = rpf(tiny_recipe, PUBLISHED, f"model.local={LOCAL}", "model.start=nowhere/last.safetensors")
    with pytest.raises(CheckpointError, match="continues an earlier stage"):
        set_stage(recipe, start_processes(recipe.running), lambda remark: None)


def test_the_feed_says_what_value_each_photo_holds(tiny_recipe: Make, tmp_path: Path) -> None:
    stage = second(tiny_recipe, tmp_path)
    stage.feed.begin(1)
    attributes, anchor, _, _, photos, held = stage.feed.batch(0)
    assert held.shape == (3, 4, 3) and len(photos) == 3 and len(photos[0]) == 4
    drawn = stage.feed.drawn  # type: ignore[attr-defined]
    values = held_values(stage.data.train)
    for role, rows in enumerate((drawn.anchor, drawn.positive, drawn.negative)):
        for b in range(4):
            assert held[role, b].tolist() == values[rows[b], attributes[b]].tolist()
    assert (held[0] & held[1]).any(dim=1).all(), "a positive shares the anchor's value"
    assert not (held[0] & held[2]).any(), "a negative does not"
    assert anchor.shape == (4, 32, 32, 3) and photos[0][0].size == (32, 32)


def test_the_loss_of_a_step_is_that_of_its_parts(tiny_recipe: Make, tmp_path: Path) -> None:
    """Recomputed role by role, a crop at a time, with the formulas written out."""
    stage = second(tiny_recipe, tmp_path)
    model = stage.model.eval()  # no dropout, no batch statistics
    assert isinstance(model, CropModel)
    stage.feed.begin(1)
    attributes, anchor, negative, positive, photos, held = stage.feed.batch(0)
    given = stage.objective(attributes, anchor, negative, positive, photos, held)
    region, patch, background = [], [], []
    preprocess = stage.card.preprocess
    for pixels, pictures in ((anchor, photos[0]), (positive, photos[2]), (negative, photos[1])):
        x = torch.from_numpy(normalise(pixels.numpy(), preprocess))
        for b in range(4):
            k = attributes[b : b + 1]
            seen = model.head.both(model.backbone(x[b : b + 1]), k)  # type: ignore[operator]
            crop = cut_crops(pictures[b : b + 1], seen.regions[:, None].detach().numpy(), preprocess, model.crops)[:, 0]
            region.append(unit(seen.raw)), background.append(unit(seen.background))
            patch.append(unit(model.local_raw(torch.from_numpy(normalise(crop, preprocess)), k)))
    r, p, b = (torch.cat(rows) for rows in (region, patch, background))
    values = held.flatten(0, 1).int().argmax(dim=1)  # every tiny photo holds one value
    sets = same_value(attributes.repeat(3), values)
    total = 0.04 * e_infonce(r, p, b, sets)
    for rows, weight in ((r, 1.0), (p, 0.1)):
        a, near, far = rows.chunk(3)
        total = total + weight * (0.2 - (a * near).sum(1) + (a * far).sum(1)).clamp(min=0).mean()
    torch.testing.assert_close(given.loss, total, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", [PUBLISHED, OURS], ids=["triplets", "batch"])
def test_every_branch_learns_and_no_gradient_flows_through_cropping(
    tiny_recipe: Make, tmp_path: Path, mode: str
) -> None:
    stage = second(tiny_recipe, tmp_path, mode, "loss.global_weight=0", "loss.contrast.weight=0", "loss.local_weight=1")
    stage.feed.begin(1)
    stage.objective.train()
    step = stage.objective(*stage.feed.batch(0))
    step.loss.backward()
    got = {n for n, w in stage.model.named_parameters() if w.grad is not None and float(w.grad.abs().sum()) > 0}
    assert "head.attr_embedding.weight" in got and "local.embeddings.patch_embeddings.weight" in got
    assert not any(name.startswith("backbone.") for name in got)


def test_the_contrast_reaches_both_branches_and_the_background(tiny_recipe: Make, tmp_path: Path) -> None:
    stage = second(tiny_recipe, tmp_path, PUBLISHED, "loss.global_weight=0", "loss.local_weight=0")
    stage.feed.begin(1)
    stage.objective.train()
    stage.objective(*stage.feed.batch(0)).loss.backward()
    for part in (stage.model.backbone, stage.model.head, stage.model.local):  # type: ignore[attr-defined]
        assert any(w.grad is not None and float(w.grad.abs().sum()) > 0 for w in part.parameters())


def test_the_other_reading_of_negatives_is_an_option(tiny_recipe: Make, tmp_path: Path) -> None:
    losses = []
    stage = second(tiny_recipe, tmp_path)
    model = stage.model.eval()
    assert isinstance(model, CropModel)
    stage.feed.begin(1)
    attributes, anchor, negative, positive, photos, held = stage.feed.batch(0)
    attributes[:2], attributes[2:] = 0, 1  # whatever was drawn: two attributes in the batch
    inputs = {
        role: stage.objective.pixels(x)  # type: ignore[operator, union-attr]
        for role, x in zip("apn", (anchor, positive, negative), strict=True)
    }
    rows = see_rows(model, attributes, inputs, [*photos[0], *photos[2], *photos[1]], stage.card.preprocess)
    sets = same_value(attributes.repeat(3), held.flatten(0, 1).int().argmax(dim=1))
    for reading in ("everyone", "attribute"):
        loss = stage.recipe.loss.model_copy(
            update={"contrast": stage.recipe.loss.contrast.model_copy(update={"negatives": reading})}
        )
        losses.append(rpf_terms(rows, sets, loss))
    assert losses[0].inter > losses[1].inter and losses[0].region == losses[1].region


@pytest.mark.parametrize("mode", [PUBLISHED, OURS], ids=["triplets", "batch"])
def test_a_resumed_second_stage_ends_with_the_same_weights(
    tiny_recipe: Make, tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout, the attributes that are cropped and the boxes are those of the run that was never stopped."""
    recipe = rpf(tiny_recipe, mode, STAGES)
    straight = train(recipe, tmp_path / "straight")
    real, calls = loop._step, [0]

    def once(stage: Stage, batches: list[tuple[torch.Tensor, ...]]) -> object:
        calls[0] += 1
        if calls[0] == 4 + 4 + 3:  # in the second stage's second epoch
            raise KeyboardInterrupt
        return real(stage, batches)

    monkeypatch.setattr(loop, "_step", once)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "broken")
    monkeypatch.setattr(loop, "_step", real)
    resumed = train(recipe, tmp_path / "broken", resume=True)
    one, two = (load_file(run / "stage-2" / "last.safetensors") for run in (straight, resumed))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_googles_file_starts_the_patch_branch_and_nothing_else(tiny_recipe: Make, tmp_path: Path) -> None:
    size = PatchSize(side=32, patch=8, width=12, layers=2, heads=3, mlp=20, attribute=16, dim=24)
    np.savez(tmp_path / "vit.npz", **google(size))  # type: ignore[arg-type]
    one = train(rpf(tiny_recipe, PUBLISHED, "optimiser.epochs=1"), tmp_path / "one")
    local = LOCAL.replace("weights: random", f"weights: {tmp_path / 'vit.npz'}")
    recipe = rpf(tiny_recipe, PUBLISHED, f"model.local={local}", f"model.start={one}", "optimiser.epochs=1")
    stage = set_stage(recipe, start_processes(recipe.running), lambda remark: None)
    kernel = np.load(tmp_path / "vit.npz")["embedding/kernel"]
    found = stage.model.local.embeddings.patch_embeddings.weight  # type: ignore[union-attr]
    np.testing.assert_array_equal(found.detach().numpy(), kernel.transpose(3, 2, 0, 1))  # type: ignore[operator]
    assert "vit.npz sha256:" in stage.card.pretrained
    run = train(recipe, tmp_path / "two")
    moved = checkpoint.read(run / "last.safetensors").state["local.embeddings.patch_embeddings.weight"]
    assert not np.array_equal(moved.numpy(), kernel.transpose(3, 2, 0, 1))
    train(recipe, tmp_path / "two", resume=True)  # the published code would put Google's weights back here
    again = checkpoint.read(run / "last.safetensors").state["local.embeddings.patch_embeddings.weight"]
    assert torch.equal(moved, again)
    with pytest.raises(InputError, match="No packaged weights"):
        recipe = rpf(tiny_recipe, PUBLISHED, f"model.local={LOCAL.replace('random', 'packaged')}", f"model.start={one}")
        set_stage(recipe, start_processes(recipe.running), lambda remark: None)


def test_bf16_runs_both_stages(tiny_recipe: Make, tmp_path: Path) -> None:
    run = train(rpf(tiny_recipe, PUBLISHED, STAGES, "running.precision=bf16-mixed"), tmp_path / "run")
    state = checkpoint.read(run / "best.safetensors").state
    assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())


STEADY = [
    "model.options={hidden: 16, dropout: 0}",
    f"model.local.options={VIT.replace('patch: 8', 'patch: 8, dropout: 0')}",
]


@pytest.mark.parametrize("tau", [0.07, 1e-3, 1e-6])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("mode", [PUBLISHED, OURS], ids=["triplets", "batch"])
def test_a_step_in_half_precision_is_finite_and_near_float32(
    tiny_recipe: Make, tmp_path: Path, mode: str, dtype: torch.dtype, tau: float
) -> None:
    """Losses and their gradients, at plain and at tiny temperatures; a scaler lowers its scale until they fit."""
    stage = second(tiny_recipe, tmp_path, mode, *STEADY, f"loss.contrast={{weight: 1, tau: {tau}}}")
    stage.feed.begin(1)
    batch, found = stage.feed.batch(0), []
    stage.model.eval()  # stored statistics: the crops of both are then cut by nearly equal maps
    for kind in (torch.float32, dtype):
        torch.manual_seed(0)
        stage.objective.zero_grad()
        with torch.autocast("cpu", kind if kind != torch.float32 else torch.bfloat16, enabled=kind != torch.float32):
            loss = stage.objective(*batch).loss
        (loss * tau).backward()
        gradients = [p.grad for p in stage.model.parameters() if p.grad is not None]
        assert loss.dtype == torch.float32 and loss.isfinite() and loss > 0
        assert gradients and all(gradient.isfinite().all() for gradient in gradients)
        found.append(loss.item())
    # A cosine rounded to bfloat16 inside the network moves a logarithm of e^(cosine / tau) by 1 / tau of it.
    assert found[1] == pytest.approx(found[0], rel=0.02, abs=0.02 / min(tau, 0.5))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_boxes_and_maps_in_half_precision_are_those_of_float32(
    tiny_recipe: Make, tmp_path: Path, dtype: torch.dtype
) -> None:
    stage = second(tiny_recipe, tmp_path, PUBLISHED, *STEADY)
    stage.feed.begin(1)
    attributes, anchor, *_, photos, _ = stage.feed.batch(0)
    model = stage.model.eval()
    pixels, maps = Input(stage.recipe.model.preprocess)(anchor), []  # type: ignore[attr-defined]
    for kind in (torch.float32, dtype):
        with torch.no_grad(), torch.autocast("cpu", dtype, enabled=kind == dtype):
            maps.append(model.head(model.backbone(pixels), attributes).regions.float())
    assert all(found.isfinite().all() for found in maps)
    assert torch.allclose(maps[0], maps[1], atol=0.02) and torch.allclose(
        maps[1].sum((1, 2)), torch.ones(len(anchor)), atol=0.02
    )
    assert isinstance(model, CropModel)
    exact, near = (boxes(found, [photo.size for photo in photos[0]], model.crops.threshold, 32) for found in maps)
    assert (exact - near).abs().max() <= 8  # one position of the map


@pytest.mark.slow
def test_two_processes_train_both_stages_on_the_curve_of_one_with_the_doubled_batch(
    tiny_recipe: Make, tmp_path: Path
) -> None:
    """Without the contrast, which looks at the rows of a process's own batch, and without dropout."""
    still = STAGES.replace("patch: 8", "patch: 8, dropout: 0")
    asked = [
        still,
        "model.options={hidden: 16, dropout: 0}",
        "model.freeze_batchnorm=true",
        "optimiser.lr=1e-4",
        "loss.contrast.weight=0",
    ]
    two = train_by_two(rpf(tiny_recipe, PUBLISHED, *asked, "sampling.batch=2"), tmp_path)
    one = train(rpf(tiny_recipe, PUBLISHED, *asked, "sampling.batch=4"), tmp_path / "one")
    for stage in ("stage-1", "stage-2"):
        assert losses(two / stage) == pytest.approx(losses(one / stage), rel=2e-3), stage
    assert (two / "best.safetensors").is_file()

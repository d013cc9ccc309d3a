"""The runner of RPF's training steps, of either stage."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from lapel.losses.e_infonce import same_value
from lapel.losses.margin_ranking import margin_ranking
from lapel.models.attribute_model import AttributeModel
from lapel.models.crop_model import CropModel
from lapel.models.locating import boxes
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError
from lapel.parity.options import input_of, overrides
from lapel.parity.rpf import array, option, pictures, pixels, whole
from lapel.training.optimiser import build_optimizer
from lapel.training.recipe import Contrast, Loss, Recipe
from lapel.training.rpf import rpf_groups, rpf_terms, see_rows

RECIPE: dict[str, Any] = {
    "data": {"sets": [{"path": "-"}]},
    "model": {"system": "rpf"},
    "sampling": {"mode": "triplets"},
}
"""What a recipe must state; here only its optimiser counts."""

LOSSES = ("loss_total", "loss_region_triplet_weighted", "loss_patch_triplet_weighted", "loss_einfonce_weighted")


def train_step(case: Case) -> Arrays:
    """Losses of a triplet batch, gradient norms, and the losses again after one step of Adam."""
    model, names = whole(case)
    for module in model.train().modules():
        if isinstance(module, nn.Dropout):
            module.p = float(case["constructor"].get("dropout_p", module.p))
    photos = pictures(case)
    with _two_threads():
        terms, places = _losses(case, model, photos)
        terms[0].backward()
        weights = dict(model.named_parameters())
        norms = [weights[names[key]].grad for key in case["notes"]["parameter_order"]]
        _adam(case, model).step()
        mean = model.state_dict()["backbone.bn1.running_mean"].clone()
        again, _ = _losses(case, model, photos)
    arrays = {
        "grad_norm_by_parameter": np.array([math.nan if g is None else float(g.norm()) for g in norms], np.float32),
        "bn1_running_mean_after": array(mean),
    }
    for ending, values in (("", terms), ("_after_one_step", again)):
        arrays |= {f"{name}{ending}": array(value) for name, value in zip(LOSSES, values, strict=False)}
    return arrays | ({} if places is None else {"box_xyxy": places})


@contextmanager
def _two_threads() -> Iterator[None]:
    """Two threads whatever the machine has, so that float32 sums always run in the same order.

    On one, losses, boxes and gradient norms before the step agree with the expected ones, but the losses after it are
    7e-3 off: Adam's first step has the size of the rate whatever the size of a gradient, so rounding counts.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _losses(
    case: Case, model: AttributeModel, photos: list[Image.Image]
) -> tuple[tuple[Tensor, ...], np.ndarray[Any, Any] | None]:
    """The total and its parts, weighted; and the boxes that were cut (stage 2)."""
    attributes, near, far = (fill.tensor(case["inputs"][key]) for key in ("attrs", "pos_values", "neg_values"))
    whole_input = input_of(overrides(case.facts))
    inputs = dict(zip("apn", pixels(photos, whole_input).chunk(3), strict=True))
    if not isinstance(model, CropModel):
        cosines = model.similarities(inputs["a"], inputs["n"], inputs["p"], attributes, "apn")
        asked = _loss(case)
        return (asked.global_weight * margin_ranking(*cosines, asked.margin),), None
    rows = see_rows(model, attributes, inputs, photos, whole_input)
    terms = rpf_terms(rows, same_value(attributes.repeat(3), torch.cat([near, near, far])), _loss(case))
    return tuple(terms), array(
        boxes(rows.maps, [photo.size for photo in photos], model.crops.threshold, whole_input.height)
    )


def _adam(case: Case, model: AttributeModel) -> torch.optim.Optimizer:
    """The optimizer that training builds, at the case's rates."""
    asked = case["notes"]["optimizer"]
    if asked.get("class") != "Adam":
        raise CaseError(f"unknown optimizer '{asked.get('class')}'")
    slow, lr = asked["lr_by_group"][0], asked["lr_by_group"][-1]
    recipe = Recipe.model_validate(RECIPE | {"optimiser": {"lr": lr, "slow_lr": slow}})
    optimizer = build_optimizer(rpf_groups(recipe, model, nn.Module()))
    found = [len(group["params"]) for group in optimizer.param_groups]
    if found != asked.get("params_by_group"):
        raise CaseError(f"groups of {found} weights; {asked.get('params_by_group')} expected")
    return optimizer


def _loss(case: Case) -> Loss:
    """Margin, weights and contrast as published, or as the case's options say."""
    named = {"weight": "INTER_WEIGHT", "tau": "TAU", "alpha": "ALPHA"}
    plain = Contrast()
    contrast = {key: option(case, f"SOLVER.{name}", getattr(plain, key)) for key, name in named.items()}
    weights = {"global_weight": "REGION_WEIGHT", "local_weight": "PATCH_WEIGHT", "margin": "MARGIN"}
    asked = {key: option(case, f"SOLVER.{name}", getattr(Loss(), key)) for key, name in weights.items()}
    return Loss.model_validate(asked | {"contrast": contrast})

"""Runners of ASEN++'s cases: both branches, crops, losses, photos to features, training steps of both stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lapel.images import crop_boxes, cut_crops, fit, normalise, rectangles
from lapel.losses.two_branches import Roles, align, two_branches
from lapel.models.asenpp_published import asenpp_model
from lapel.models.attribute_model import AttributeModel
from lapel.models.crop_model import CropModel, normalised
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError
from lapel.parity.options import input_of, number, overrides
from lapel.schema import Crops, Preprocess
from lapel.training.experiment import Optimiser
from lapel.training.optimiser import build_optimizer, set_rate
from lapel.training.plans import two_branch_groups
from lapel.training.recipe import Data, DataSet, Local, Loss, Model, Recipe, Sampling
from lapel.training.two_branches import Seen, branch_terms, see_triplets

ROLES = ("anchor", "positive", "negative")
SETTINGS: dict[str, dict[str, Any]] = {
    "s1": {"lr": 1e-4, "step_size": 3, "decay": 0.9, "epochs": 50},
    "s2": {"lr": 1e-4, "slow_lr": 1e-5, "step_size": 1, "decay": 0.9, "epochs": 20},
}
"""What the released configuration of each stage, the same for all data sets, says of the optimizer."""

OPTIONS: dict[str, tuple[str, str]] = {
    "SOLVER.BASE_LR": ("optimiser", "lr"),
    "SOLVER.BASE_LR_SLOW": ("optimiser", "slow_lr"),
    "SOLVER.MARGIN": ("loss", "margin"),
    "SOLVER.GLOBAL_WEIGHT": ("loss", "global_weight"),
    "SOLVER.LOCAL_WEIGHT": ("loss", "local_weight"),
    "SOLVER.ALIGN_WEIGHT": ("loss", "align_weight"),
}
"""Overrides of the configuration that change what a training step minimises, and how far it goes."""


def load(case: Case) -> tuple[AttributeModel, dict[str, str]]:
    """The case's model through the importer of released checkpoints, in its type and mode; published name -> ours."""
    constructor = case["constructor"]
    crops = _cropping(case)
    count = constructor["n_attributes"]
    model, names = asenpp_model(fill.state(case["state"], case["fill"]), count, crops, stage_of(case))
    if case["dtype"] not in ("float32", "float64"):
        raise CaseError(f"dtype '{case['dtype']}' is neither float32 nor float64")
    if case["mode"] not in ("eval", "train"):
        raise CaseError(f"mode '{case['mode']}' is neither eval nor train")
    return model.to(getattr(torch, case["dtype"])).train(case["mode"] == "train"), names


def _cropping(case: Case) -> Crops:
    """How regions are cut: as the constructor says, which has read the overrides, else as these say."""
    options, made = overrides(case.facts), case.get("constructor", {})
    threshold = float(made.get("threshold", number(options, "INPUT.THRESHOLD", 0.1)))
    beta = float(made.get("beta", number(options, "SOLVER.BETA", 0.6)))
    side = int(number(options, "INPUT.LOCAL_SIZE", 112))
    return Crops(threshold, side, side, beta)


def stage_of(case: Case) -> int:
    """1 or 2, by the configuration files that the case names."""
    files = [str(name).rsplit("/", 1)[-1].removesuffix(".yaml") for name in case["constructor"]["config_files"]]
    found = [name for name in files if name in SETTINGS]
    if len(found) != 1:
        raise CaseError(f"the configuration files {files} name neither s1 nor s2")
    return int(found[0][1:])


def branches(case: Case) -> Arrays:
    """Both branches' raw embeddings and maps under every attribute, and the joint embedding."""
    model = _crop_model(load(case)[0])
    kind = next(model.parameters()).dtype
    whole_input, local_input = (fill.tensor(case["inputs"][key]).to(kind) for key in ("x_global", "x_local"))
    with torch.no_grad():
        whole, maps = model.head.all(model.backbone(whole_input))
        features = model.local.backbone(local_input)  # type: ignore[operator]
        table = model.head.attr_embedding.weight.expand(len(local_input), -1, -1)  # type: ignore[union-attr, operator]
        part, local_maps = model.local.head.asked(features, table)  # type: ignore[operator, union-attr]
        joint = model.join(whole, part)
    found = {"global_emb": whole, "global_att": maps, "local_emb": part, "local_att": local_maps, "combined": joint}
    return {key: value.transpose(0, 1).numpy() for key, value in found.items()}


def crops(case: Case) -> Arrays:
    """Rectangle, box and final tensor of each map; the maps themselves are inputs."""
    maps = case.expected.get("maps")
    if maps is None or len(maps) != len(case["crops"]):
        raise CaseError("the case holds no map for each of its crops")
    found: Arrays = {"maps": maps}
    whole, cropping = input_of(overrides(case.facts)), _cropping(case)
    corners, frames = [], []
    for at, crop in enumerate(case["crops"]):
        photo, threshold = fill.picture(crop["image"]), float(crop["threshold"])
        corners.append(rectangles(maps[at : at + 1], threshold, whole.height, whole.width)[0])
        frames.append(crop_boxes(maps[at : at + 1], [photo.size], whole, threshold)[0])
        if crop.get("keep_tensor"):
            cut = cut_crops([photo], maps[at : at + 1, None], whole, replace(cropping, threshold=threshold))
            found[f"crop:{at}"] = normalise(cut[0], whole)[0]
    return found | {"rects": np.stack(corners), "boxes": np.stack(frames)}


def losses(case: Case) -> Arrays:
    """The three terms and their weighted sum on given features, and align's gradient on the global side."""
    given = {key: fill.tensor(spec) for key, spec in case["inputs"].items()}
    near, far = given["mix_p"][:, None], given["mix_n"][:, None]
    anchor = given["gx"].requires_grad_()
    whole = Roles(anchor, given["gx"] * near + given["gp"], given["gx"] * far + given["gn"])
    local = Roles(given["gx"] * 0.5 + given["lx"], given["gx"] * near + given["lp"], given["gx"] * far + given["ln"])
    # The gradient is asked for by the global anchors alone, which the others were only computed from.
    whole, local = Roles(anchor, *(x.detach() for x in whole[1:])), Roles(*(x.detach() for x in local))
    weights = settings(2, overrides(case.facts)).loss
    plain = two_branches(whole, local, weights.margin, (1.0, 1.0, 1.0))
    weighted = (weights.global_weight, weights.local_weight, weights.align_weight)
    (gradient,) = torch.autograd.grad(align(whole, local), anchor)
    return {
        "global_triplet": _array(plain.whole),
        "local_triplet": _array(plain.local),
        "align": _array(plain.align),
        "total": _array(two_branches(whole, local, weights.margin, weighted).loss),
        "weights": np.array(weighted),
        "gradient_gx_align": _array(gradient),
    }


def pipeline(case: Case) -> Arrays:
    """Whole photos to joint features under every attribute, crops included."""
    model = _crop_model(load(case)[0])
    photos = [fill.picture(case["inputs"][name]) for name in case["images"]]
    whole = input_of(overrides(case.facts))
    inputs = _input(photos, whole, next(model.parameters()).dtype)
    with torch.no_grad():
        given = model.see(inputs, photos, whole)
    many = given.regions.shape[1]
    maps = given.regions.numpy().transpose(1, 0, 2, 3).reshape(-1, *given.regions.shape[2:])
    found = crop_boxes(maps, [photo.size for photo in photos] * many, whole, model.crops.threshold)
    return {
        "features": given.embeddings.transpose(0, 1).numpy(),
        "boxes": found.reshape(many, len(photos), 4),
        "global_input_mean": inputs.mean(dim=(2, 3)).numpy(),
    }


def train(case: Case) -> Arrays:
    """Successive optimizer steps from photos, by the objective and the groups that training uses."""
    model, names = load(case)
    recipe = settings(stage_of(case), overrides(case.facts))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = build_optimizer(two_branch_groups(recipe, model, torch.nn.Module()))
    set_rate(optimizer, 1.0)
    rows: dict[str, list[Any]] = {"losses": [], "global": [], "local": [], "align": [], "boxes": []}
    for step in range(int(case["steps"])):
        seen, photos = _step(case, model, f"step{step}.")
        terms = branch_terms(seen, recipe.loss)
        optimizer.zero_grad()
        terms.loss.backward()
        optimizer.step()
        for key, value in zip(rows, (terms.loss, terms.whole, terms.local, terms.align), strict=False):
            rows[key].append(float(value.detach()))
        if isinstance(model, CropModel):
            rows["boxes"].append(_boxes(model, seen, photos, input_of(overrides(case.facts))))
    after = model.state_dict()
    kept = rows if isinstance(model, CropModel) else {"losses": rows["losses"]}
    return {
        **{key: np.array(values) for key, values in kept.items()},
        "lr_per_group": np.array([group["lr"] for group in optimizer.param_groups]),
        "delta_norm": np.array([_moved(before, after, names, key) for key in case["parameters"]]),
        **{f"after:{key}": after[_known(names, key)].numpy() for key in case["after"]},
    }


def settings(stage: int, options: Mapping[str, Any] | None = None) -> Recipe:
    """The released configuration of a stage as a recipe, with overrides by their names."""
    local = Local(options={"hidden": 256}, weights="random") if stage == 2 else None
    changes: dict[str, dict[str, Any]] = {"optimiser": dict(SETTINGS[f"s{stage}"]), "loss": {}}
    for name in options or {}:
        if name in OPTIONS:
            part, key = OPTIONS[name]
            changes[part][key] = number(options or {}, name, 0)
    return Recipe(
        data=Data(sets=(DataSet(path="."),)),
        model=Model(system="asenpp", backbone="resnet50", weights="random", pixels="imagenet", local=local),
        sampling=Sampling(mode="triplets", negative="value", order="apn"),
        optimiser=Optimiser(**changes["optimiser"]),
        loss=Loss(**changes["loss"]),
    )


def _step(case: Case, model: AttributeModel, prefix: str) -> tuple[Seen, list[list[Any]]]:
    inputs = case["inputs"]
    attributes = fill.tensor(inputs[f"{prefix}attributes"])
    photos = [[fill.picture(inputs[f"{prefix}{role}{n}"]) for n in range(len(attributes))] for role in ROLES]
    kind, whole = next(model.parameters()).dtype, input_of(overrides(case.facts))
    pixels = Roles(*(_input(role, whole, kind) for role in photos))
    return see_triplets(model, attributes, pixels, photos, whole, "apn"), photos


def _input(photos: list[Any], whole: Preprocess, kind: torch.dtype) -> Tensor:
    """(B, 3, H, W) in the case's type."""
    fitted = np.stack([fit(photo, whole) for photo in photos])
    return normalised(torch.from_numpy(fitted), whole, torch.zeros((), dtype=kind))


def _boxes(model: CropModel, seen: Seen, photos: list[list[Any]], whole: Preprocess) -> Any:
    """(role, photo, 4)."""
    return np.stack(
        [
            crop_boxes(maps.detach().numpy(), [photo.size for photo in role], whole, model.crops.threshold)
            for maps, role in zip(seen.maps, photos, strict=True)
        ]
    )


def _crop_model(model: AttributeModel) -> CropModel:
    if not isinstance(model, CropModel):
        raise CaseError("the state holds no local branch")
    return model


def _moved(before: dict[str, Tensor], after: dict[str, Tensor], names: dict[str, str], key: str) -> float:
    ours = _known(names, key)
    return float((after[ours] - before[ours]).norm())


def _known(names: dict[str, str], key: str) -> str:
    if key not in names:
        raise CaseError(f"'{key}' is no tensor of this system")
    return names[key]


def _array(value: Tensor) -> Any:
    return np.asarray(value.detach().numpy())

"""Runners of RPF's cases: both branches, E-InfoNCE, location of the region, images to embedding, ranking."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from lapel.evaluation import metrics
from lapel.images import cut_crops, fit, normalise
from lapel.losses.e_infonce import ALPHA, TAU, Kind, e_infonce, same_value
from lapel.losses.rpf import triplet
from lapel.models.attribute_model import AttributeModel, unit
from lapel.models.crop_model import CropModel
from lapel.models.locating import boxes
from lapel.models.rpf_patch import PatchBranch
from lapel.models.rpf_published import BETA, THRESHOLD, Branches, rpf_branches, rpf_model
from lapel.models.vit_npz import load_vit
from lapel.parity import fill
from lapel.parity.cases import Arrays, Case, CaseError
from lapel.parity.options import input_of, number, overrides
from lapel.schema import Attribute, Crops, Preprocess, Vocabulary

MARGIN = 0.2
FAR = -10000
"""What the published masks hold where ours are False."""


def published(case: Case) -> Branches:
    """The branches of a case, through the importer of released checkpoints."""
    return rpf_branches(fill.state(case["state"], case["fill"]), _attributes(case), _heads(case))


def whole(case: Case) -> tuple[AttributeModel, dict[str, str]]:
    """The whole model of a case and published name -> ours, with the case's threshold and beta."""
    vocabulary = Vocabulary(tuple(Attribute(str(k), ("0",)) for k in range(_attributes(case))))
    threshold = option(case, "INPUT.THRESHOLD", THRESHOLD)
    return rpf_model(fill.state(case["state"], case["fill"]), vocabulary, _beta(case), threshold, _heads(case))


def _heads(case: Case) -> int:
    """Of the patch branch; patches that overlap were never published to work and are refused."""
    options = overrides(case.facts)
    if options.get("MODEL.TRANSFORMER.SPLIT", "non-overlap") != "non-overlap":
        raise CaseError("patches that overlap are not built (MODEL.TRANSFORMER.SPLIT)")
    heads = {int(number(options, f"MODEL.TRANSFORMER.{name}", 12)) for name in ("NUM_HEADS", "CROSS_NUM_HEADS")}
    if len(heads) != 1:
        raise CaseError("encoder and cross-attention have as many heads here")
    return heads.pop()


def _attributes(case: Case) -> int:
    rows = [row for row in case["state"] if row[0].endswith("attr_embedding.weight")]
    if not rows:
        raise CaseError("the state holds no attribute table")
    return int(rows[0][1][0])


def region(case: Case) -> Arrays:
    """Foreground, background and attention of the region branch."""
    found = published(case)
    pixels, asked = (fill.tensor(case["inputs"][key]) for key in ("image", "attr"))
    with torch.no_grad():
        given = found.head.both(found.backbone(pixels), asked)
        alone = found.head(found.backbone(pixels), asked).raw
    if not torch.allclose(alone, given.raw, atol=1e-5):
        raise CaseError("foreground with and without background differ")
    background = {"background": array(given.background)} if found.local is not None else {}
    return {"embedding": array(given.raw), "attmap": array(given.regions)} | background


def patch(case: Case) -> Arrays:
    """The patch branch on given crops, and tokens of its last block."""
    found = published(case)
    local = _local(found)
    crops, asked = (fill.tensor(case["inputs"][key]) for key in ("image", "attr"))
    with torch.no_grad():
        raw = local(crops, found.head.attr_embedding(asked))
        tokens = local.tokens(crops)[:, ::28]
    return {"patch_embedding": array(raw), "vit_tokens_every_28th": array(tokens)}


def vit(case: Case) -> Arrays:
    """The patch branch after Google's arrays were put over its weights."""
    found = published(case)
    local = _local(found)
    salt = case["fill"].get("salt", "")
    load_vit(local, {entry["name"]: _google(salt + entry["name"], entry["shape"]) for entry in case["npz"]})
    crops, asked = (fill.tensor(case["inputs"][key]) for key in ("image", "attr"))
    with torch.no_grad():
        return {"patch_embedding": array(local(crops, found.head.attr_embedding(asked)))}


def einfonce(case: Case) -> Arrays:
    """Masks, the four kinds of the loss, gradients of the one that is trained with, and both triplet losses."""
    inputs = case["inputs"]
    attributes, positives, negatives = (fill.tensor(inputs[key]) for key in ("attrs", "pos_values", "neg_values"))
    attributes, values = attributes.repeat(3), torch.cat([positives, positives, negatives])
    rows = [torch.from_numpy(case.given[inputs[k]["key"]]) for k in ("region", "patch", "background")]
    for part in rows:
        part.requires_grad_()
    sets = same_value(attributes, values)
    tau, alpha = option(case, "SOLVER.TAU", TAU), option(case, "SOLVER.ALPHA", ALPHA)
    front, patch_rows, back = rows
    losses = [e_infonce(front, patch_rows, back, sets, tau=tau, alpha=alpha, kind=kind) for kind in get_args(Kind)]
    losses[0].backward()
    masks = {"same_value_mask": ~sets.value, "other_value_mask": sets.value, "attribute_mask": ~sets.attribute}
    kinds = {name: case.expected[name].dtype for name in masks if name in case.expected}
    found = {name: (mask.numpy() * FAR).astype(kinds.get(name, np.float32)) for name, mask in masks.items()}
    found |= {f"loss_type{number}": array(loss) for number, loss in enumerate(losses, start=1)}
    for name, part in zip(("region", "patch", "background"), rows, strict=True):
        found[f"grad_{name}"] = array(_known(part.grad)[:, ::4])
    return found | {
        f"triplet_{name}": array(triplet(unit(part), option(case, "SOLVER.MARGIN", MARGIN))[0])
        for name, part in zip(("region", "patch"), rows, strict=False)
    }


def locate(case: Case) -> Arrays:
    """Attention maps and photos -> boxes and crops."""
    photos = pictures(case)
    maps = torch.from_numpy(case.given[case["inputs"]["attmap"]["key"]])
    found, crops = _crops(case, photos, maps)
    return {"box_xyxy": found, "crop_every_8th_pixel": array(crops)[:, :, ::8, ::8]}


def embed_images(case: Case) -> Arrays:
    """Photos of any size -> embeddings of both branches and the joint one, as a gallery is embedded."""
    model, _ = whole(case)
    photos, asked = pictures(case), fill.tensor(case["inputs"]["attr"])
    with torch.no_grad():
        whole_input = input_of(overrides(case.facts))
        seen = pixels(photos, whole_input)
        found = model.see(seen, photos, whole_input) if isinstance(model, CropModel) else None
        every = (found or model(seen)).embeddings[torch.arange(len(photos)), asked]
    if found is None:
        return {"region_normalized": array(every)}
    region, patch = (unit(part) for part in every.split([model.head.dim, model.dim - model.head.dim], dim=1))
    maps = found.regions[torch.arange(len(photos)), asked]
    threshold = option(case, "INPUT.THRESHOLD", THRESHOLD)
    places = boxes(maps, [photo.size for photo in photos], threshold, whole_input.height)
    named = {"combined": every, "region_normalized": region, "patch_normalized": patch, "box_xyxy": places}
    return {name: array(value) for name, value in named.items()}


def ranking(case: Case) -> Arrays:
    """MAP of each attribute, and over all queries."""
    inputs = {key: fill.tensor(spec) for key, spec in case["inputs"].items()}
    queries, gallery = unit(inputs["query"]), unit(inputs["cand"])
    every, means = [], []
    for k in range(int(case["constructor"]["num_attributes"])):
        asked, held = inputs["query_attr"] == k, inputs["cand_attr"] == k
        order = metrics.rank((queries[asked] @ gallery[held].T).numpy())
        values = inputs["cand_value"][held].numpy()
        relevant = inputs["query_value"][asked].numpy()[:, None] == values[order]
        every.append(metrics.average_precision(relevant))
        means.append(every[-1].mean())
    return {
        "map_by_attribute": np.array(means, np.float32),
        "map_overall": np.array(np.concatenate(every).mean(), np.float32),
    }


def array(value: Tensor) -> np.ndarray[Any, Any]:
    """As NumPy, without a graph."""
    return np.asarray(value.detach().numpy())


def pictures(case: Case) -> list[Image.Image]:
    """The inputs image0, image1, ... in the order of their numbers."""
    named = {key: spec for key, spec in case["inputs"].items() if spec.get("kind") == "image"}
    return [fill.picture(named[key]) for key in sorted(named, key=lambda key: int(key.removeprefix("image")))]


def pixels(photos: list[Image.Image], asked: Preprocess) -> Tensor:
    """(B, 3, 224, 224), as published, or as the case's options say."""
    return torch.from_numpy(normalise(np.stack([fit(photo, asked) for photo in photos]), asked))


def _crops(case: Case, photos: list[Image.Image], maps: Tensor) -> tuple[np.ndarray[Any, Any], Tensor]:
    """Boxes (B, 4), and crops (B, 3, side, side) as the patch branch reads them."""
    whole_input, side = input_of(overrides(case.facts)), int(option(case, "INPUT.LOCAL_SIZE", 224))
    asked = Crops(option(case, "INPUT.THRESHOLD", THRESHOLD), side, side)
    found = boxes(maps, [photo.size for photo in photos], asked.threshold, whole_input.height)
    cut = cut_crops(photos, maps.detach()[:, None].numpy(), whole_input, asked)[:, 0]
    return array(found), torch.from_numpy(normalise(cut, whole_input))


def option(case: Case, name: str, default: float) -> float:
    """An override of the configuration files: `opts` lists names and values in turn."""
    return number(overrides(case.facts), name, default)


def _beta(case: Case) -> float:
    """The released configurations' weight of the region branch."""
    sets = [part for file in case["constructor"]["yaml"] for part in Path(str(file)).with_suffix("").parts]
    return option(case, "SOLVER.BETA", next((BETA[name] for name in sets if name in BETA), BETA["published"]))


def _google(name: str, shape: list[int]) -> np.ndarray[Any, Any]:
    """An array of a ViT file by the rule that the case states."""
    source = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    if name.endswith("scale"):
        return array(torch.rand(shape, generator=source) * 0.5 + 0.75)
    factor = 768**-0.5 if name.endswith("kernel") else 0.02
    return array(torch.randn(shape, generator=source) * factor)


def _local(found: Branches) -> PatchBranch:
    if found.local is None:
        raise CaseError("the state holds no patch branch")
    return found.local


def _known(gradient: Tensor | None) -> Tensor:
    if gradient is None:
        raise CaseError("no gradient reaches one of the three inputs")
    return gradient


RUNNERS: dict[str, Callable[[Case], Arrays]] = {
    "rpf.einfonce": einfonce,
    "rpf.embed_images": embed_images,
    "rpf.locate": locate,
    "rpf.map": ranking,
    "rpf.npz": vit,
    "rpf.patch": patch,
    "rpf.region": region,
}

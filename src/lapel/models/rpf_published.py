"""Checkpoints that RPF's code wrote, of either stage: their key names, checked one by one.

| keys | are |
|---|---|
| `choices.global.attrnet.attr_embedding.weight` | `head.attr_embedding.weight` |
| `choices.global.basenet.*` | `backbone.*`, ResNet-50 up to layer3 |
| `choices.global.attnnet.*` | `head.*` |
| `choices.local.basenet.*` (stage 2) | `local.*`, the patch branch |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from torch import Tensor, nn

from lapel.errors import CheckpointError
from lapel.models.attribute_model import AttributeModel
from lapel.models.backbones import RANDOM, Backbone, build_backbone
from lapel.models.crop_model import CropModel
from lapel.models.published_tensors import check_attributes, check_tensors, our_name, resnet_of
from lapel.models.rpf_patch import PatchBranch, PatchSize
from lapel.models.rpf_region import RPFRegionHead
from lapel.schema import Card, Crops, Preprocess, Vocabulary

BETA = {"published": 0.3, "DeepFashion": 0.4}
"""Weight of the region branch in the joint embedding, by data set; the released FashionAI and DARN runs share one."""

THRESHOLD = 0.1
"""Of the attention map, relative to its range; every released configuration sets it."""

PREFIXES = {
    "choices.global.attrnet.": "head.",
    "choices.global.basenet.": "backbone.",
    "choices.global.attnnet.": "head.",
    "choices.local.basenet.": "local.",
}


class Branches(NamedTuple):
    """local is None for a stage-1 checkpoint. names: published name -> ours (`backbone.`, `head.`, `local.`)."""

    backbone: Backbone
    head: RPFRegionHead
    local: PatchBranch | None
    names: dict[str, str]


def rpf_branches(state: Mapping[str, Tensor], attributes: int, heads: int = 12) -> Branches:
    """The branches that a published state dict belongs to, with its weights, in eval mode.

    Every tensor must be there and none besides; the published loader ignores what does not match.

    Args:
        state: names as in the released file. attributes: K that the file must have.
        heads: of the patch branch's attention, which no tensor tells.

    Raises:
        CheckpointError: the keys or shapes are not those of RPF with so many attributes.
    """
    names = {key: our_name(key, PREFIXES, "RPF", ", ".join(PREFIXES)) for key in state}
    ours = {names[key]: value for key, value in state.items()}
    if len(ours) != len(state):
        raise CheckpointError("The checkpoint gives one tensor under two names; it is not a released one.")
    backbone = build_backbone(resnet_of(ours), "layer3", RANDOM)
    inner = _side(ours, "head.mlp.fc1.weight", 0, backbone.channels // 2)
    reduction = backbone.channels // inner
    head = RPFRegionHead(backbone.channels, attributes, hidden=_width(ours, attributes), reduction=reduction)
    local = PatchBranch(_patch_size(ours, head, heads)) if any(key.startswith("local.") for key in ours) else None
    parts = nn.ModuleDict({"backbone": backbone, "head": head} | ({"local": local} if local else {}))
    check_tensors("RPF", parts.state_dict(), ours, f"RPF with {attributes} attributes needs", it="RPF")
    parts.load_state_dict(ours, strict=False)
    parts.eval()
    return Branches(backbone, head, local, names)


def rpf_model(
    state: Mapping[str, Tensor],
    vocabulary: Vocabulary,
    beta: float = BETA["published"],
    threshold: float = THRESHOLD,
    heads: int = 12,
) -> tuple[AttributeModel, dict[str, str]]:
    """The whole model that a published state dict belongs to, in eval mode, and published name -> ours.

    Args:
        state: names as in the released file. vocabulary: its attributes, in the order of training.
        beta: weight of the region branch in the joint embedding; threshold: of the map; heads: as `rpf_branches`. None
            of them is in the file.

    Raises:
        CheckpointError: as `rpf_branches`.
    """
    found = rpf_branches(state, len(vocabulary), heads)
    sizes = tuple(len(attribute.values) for attribute in vocabulary)
    if found.local is None:
        return AttributeModel(found.backbone, found.head, sizes).eval(), found.names
    side = found.local.size.side
    crops = Crops(threshold=threshold, height=side, width=side, beta=beta)
    return CropModel(found.backbone, found.head, found.local, crops, sizes).eval(), found.names


def rpf_card(name: str, model: AttributeModel, vocabulary: Vocabulary, numbers: Mapping[str, float]) -> Card:
    """The card of an imported model: published centre crop of 224 pixels, ImageNet normalisation."""
    assert isinstance(model.head, RPFRegionHead)
    plain = {"hidden": 512, "reduction": 2}
    reduction = model.head.feature_fc.in_features // model.head.mlp.fc1.out_features
    made = {"hidden": model.head.hidden, "reduction": reduction}
    head = {key: value for key, value in made.items() if value != plain[key]}
    architecture: dict[str, Any] = {"head": head, "look_dim": 0, "cut": "layer3"}
    stage = "first stage: the region branch alone"
    if isinstance(model, CropModel):
        assert isinstance(model.local, PatchBranch)
        stage = "second stage: region and patch branch"
        local = {"backbone": "", "cut": None, "options": _unlike_published(model.local.size)}
        architecture |= {"crops": asdict(model.crops), "local": local}
    return Card(
        name=name,
        system="rpf",
        backbone=resnet_of(model.state_dict()),
        vocabulary=vocabulary,
        preprocess=Preprocess(),
        dim=model.dim,
        look_dim=model.look.dim,
        grid=(14, 14),
        attends=model.head.attends,
        architecture=architecture,
        pretrained="released checkpoint",
        scores={"released": dict(numbers)} if numbers else {},
        notes=f"Imported from a checkpoint of RPF's code, {stage}. Its value probabilities are not fitted (uniform).",
    )


def _width(ours: Mapping[str, Tensor], attributes: int) -> int:
    """Width of the attribute embeddings, of which there must be one an attribute."""
    table = ours.get("head.attr_embedding.weight")
    if table is None or table.ndim != 2:
        raise CheckpointError("The checkpoint has no attribute table; it is not of RPF.")
    check_attributes(len(table), attributes)
    return int(table.shape[1])


def _patch_size(ours: Mapping[str, Tensor], head: RPFRegionHead, heads: int) -> PatchSize:
    """The patch branch that the tensors were made for; what they do not tell is as published."""
    layers = {key.split(".")[3] for key in ours if key.startswith("local.encoder.layer.")}
    plain = PatchSize()
    patch = _side(ours, "local.embeddings.patch_embeddings.weight", 2, plain.patch)
    return PatchSize(
        side=patch * math.isqrt(max(1, _side(ours, "local.embeddings.position_embeddings", 1, plain.tokens + 1) - 1)),
        patch=patch,
        width=_side(ours, "local.attr2query.weight", 0, plain.width),
        layers=len(layers),
        heads=heads,
        mlp=_side(ours, "local.encoder.layer.0.ffn.fc1.weight", 0, plain.mlp),
        attribute=head.hidden,
        dim=head.dim,
        reduction=head.dim // _side(ours, "local.crossencoder.ffn.fc1.weight", 0, head.dim // plain.reduction),
    )


def _side(ours: Mapping[str, Tensor], name: str, axis: int, default: int) -> int:
    """A tensor's length along an axis, at least 1; the default where there is no such tensor, which is said later."""
    tensor = ours.get(name)
    return default if tensor is None or tensor.ndim <= axis else max(1, int(tensor.shape[axis]))


def _unlike_published(size: PatchSize) -> dict[str, int]:
    """What a card must keep of a patch branch: the layers, and whatever else is not as published."""
    plain, kept = PatchSize(), ("patch", "width", "heads", "mlp", "reduction")
    return {"layers": size.layers} | {
        key: getattr(size, key) for key in kept if getattr(size, key) != getattr(plain, key)
    }

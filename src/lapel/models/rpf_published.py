"""Checkpoints that RPF's code wrote, of either stage: their key names, checked one by one.

| keys | are |
|---|---|
| `choices.global.attrnet.attr_embedding.weight` | `head.attr_embedding.weight` |
| `choices.global.basenet.*` | `backbone.*`, ResNet-50 up to layer3 |
| `choices.global.attnnet.*` | `head.*` |
| `choices.local.basenet.*` (stage 2) | `local.*`, the patch branch |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from torch import Tensor, nn

from lapel.errors import CheckpointError
from lapel.models.attribute_model import AttributeModel
from lapel.models.backbones import RANDOM, Backbone, build_backbone
from lapel.models.crop_model import CropModel
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


def rpf_branches(state: Mapping[str, Tensor], attributes: int) -> Branches:
    """The branches that a published state dict belongs to, with its weights, in eval mode.

    Every tensor must be there and none besides; the published loader ignores what does not match.

    Args:
        state: names as in the released file. attributes: K that the file must have.

    Raises:
        CheckpointError: the keys or shapes are not those of RPF with so many attributes.
    """
    names = {key: _ours(key) for key in state}
    ours = {names[key]: value for key, value in state.items()}
    if len(ours) != len(state):
        raise CheckpointError("The checkpoint gives one tensor under two names; it is not a released one.")
    backbone = build_backbone(_depth(ours), "layer3", RANDOM)
    head = RPFRegionHead(backbone.channels, attributes, hidden=_width(ours, attributes))
    local = PatchBranch(_patch_size(ours, head)) if any(key.startswith("local.") for key in ours) else None
    parts = nn.ModuleDict({"backbone": backbone, "head": head} | ({"local": local} if local else {}))
    _check(parts.state_dict(), ours, attributes)
    parts.load_state_dict(ours, strict=False)
    parts.eval()
    return Branches(backbone, head, local, names)


def rpf_model(
    state: Mapping[str, Tensor], vocabulary: Vocabulary, beta: float = BETA["published"], threshold: float = THRESHOLD
) -> tuple[AttributeModel, dict[str, str]]:
    """The whole model that a published state dict belongs to, in eval mode, and published name -> ours.

    Args:
        state: names as in the released file. vocabulary: its attributes, in the order of training.
        beta: weight of the region branch in the joint embedding; threshold: of the map. Neither is in the file.

    Raises:
        CheckpointError: as `rpf_branches`.
    """
    found = rpf_branches(state, len(vocabulary))
    sizes = tuple(len(attribute.values) for attribute in vocabulary)
    if found.local is None:
        return AttributeModel(found.backbone, found.head, sizes).eval(), found.names
    side = found.local.size.side
    crops = Crops(threshold=threshold, height=side, width=side, beta=beta)
    return CropModel(found.backbone, found.head, found.local, crops, sizes).eval(), found.names


def rpf_card(name: str, model: AttributeModel, vocabulary: Vocabulary, numbers: Mapping[str, float]) -> Card:
    """The card of an imported model: published centre crop of 224 pixels, ImageNet normalisation."""
    architecture: dict[str, Any] = {"head": {}, "look_dim": 0, "cut": "layer3"}
    stage = "first stage: the region branch alone"
    if isinstance(model, CropModel):
        assert isinstance(model.local, PatchBranch)
        stage = "second stage: region and patch branch"
        local = {"backbone": "", "cut": None, "options": {"layers": model.local.size.layers}}
        architecture |= {"crops": asdict(model.crops), "local": local}
    return Card(
        name=name,
        system="rpf",
        backbone=_depth(model.state_dict()),
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


def _ours(key: str) -> str:
    for theirs, ours in PREFIXES.items():
        if key.startswith(theirs):
            return f"{ours}{key.removeprefix(theirs)}"
    raise CheckpointError(
        f"The checkpoint has '{key}'; in one that RPF wrote every name begins "
        f"{', '.join(PREFIXES)}. Is it of another system?"
    )


def _depth(ours: Mapping[str, Tensor]) -> str:
    """By its blocks: bottlenecks are resnet50's, three or more in layer2 resnet34's."""
    if "backbone.layer1.0.conv3.weight" in ours:
        return "resnet50"
    return "resnet34" if "backbone.layer2.2.conv1.weight" in ours else "resnet18"


def _width(ours: Mapping[str, Tensor], attributes: int) -> int:
    """Width of the attribute embeddings, of which there must be one an attribute."""
    table = ours.get("head.attr_embedding.weight")
    if table is None or table.ndim != 2:
        raise CheckpointError("The checkpoint has no attribute table; it is not of RPF.")
    if len(table) != attributes:
        raise CheckpointError(
            f"The checkpoint knows {len(table)} attributes, {attributes} were named. Name those it was trained with, "
            "in their order."
        )
    return int(table.shape[1])


def _patch_size(ours: Mapping[str, Tensor], head: RPFRegionHead) -> PatchSize:
    """The patch branch that the tensors were made for: as published but for the number of layers."""
    layers = {key.split(".")[3] for key in ours if key.startswith("local.encoder.layer.")}
    return PatchSize(layers=len(layers), attribute=head.hidden, dim=head.dim)


def _check(built: Mapping[str, Tensor], ours: Mapping[str, Tensor], attributes: int) -> None:
    extra = sorted(set(ours) - set(built))
    missing = sorted(key for key in set(built) - set(ours) if not key.endswith("num_batches_tracked"))
    if extra or missing:
        problem = f"has '{extra[0]}', which RPF does not" if extra else f"lacks '{missing[0]}'"
        raise CheckpointError(f"The checkpoint is not of RPF: it {problem} ({len(extra) + len(missing)} keys).")
    for key, value in sorted(ours.items()):
        if value.shape != built[key].shape:
            raise CheckpointError(
                f"'{key}' is {tuple(value.shape)} in the checkpoint; RPF with {attributes} attributes needs "
                f"{tuple(built[key].shape)}."
            )
        if value.is_floating_point() and not value.isfinite().all():
            raise CheckpointError(f"The checkpoint's '{key}' holds values that are no numbers; its training failed.")

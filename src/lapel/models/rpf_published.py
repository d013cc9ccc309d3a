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
from typing import NamedTuple

from torch import Tensor, nn

from lapel.errors import CheckpointError
from lapel.models.backbones import RANDOM, build_backbone
from lapel.models.rpf_patch import PatchBranch, PatchSize
from lapel.models.rpf_region import RPFRegionHead

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

    backbone: nn.Module
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
    depth = "resnet50" if "backbone.layer1.0.conv3.weight" in ours else "resnet18"
    if "backbone.layer2.2.conv1.weight" in ours and depth == "resnet18":
        depth = "resnet34"
    backbone = build_backbone(depth, "layer3", RANDOM)
    head = RPFRegionHead(backbone.channels, attributes, hidden=_width(ours, attributes))
    local = PatchBranch(_patch_size(ours, head)) if any(key.startswith("local.") for key in ours) else None
    parts = nn.ModuleDict({"backbone": backbone, "head": head} | ({"local": local} if local else {}))
    _check(parts.state_dict(), ours, attributes)
    parts.load_state_dict(ours, strict=False)
    parts.eval()
    return Branches(backbone, head, local, names)


def _ours(key: str) -> str:
    for theirs, ours in PREFIXES.items():
        if key.startswith(theirs):
            return f"{ours}{key.removeprefix(theirs)}"
    raise CheckpointError(
        f"The checkpoint has '{key}'; in one that RPF wrote every name begins "
        f"{', '.join(PREFIXES)}. Is it of another system?"
    )


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

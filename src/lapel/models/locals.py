"""The local branches of crop models, by system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from lapel.errors import CheckpointError, InputError, UnknownName
from lapel.models.asenpp_head import ASENPPHead
from lapel.models.attribute_model import AttributeHead
from lapel.models.backbones import PACKAGED, RANDOM, build_backbone
from lapel.models.crop_model import LocalBranch
from lapel.models.rpf_patch import PatchBranch, PatchSize
from lapel.models.vit_npz import load_vit, read_vit_npz
from lapel.schema import Crops

Weights = str | Path


def asenpp_local(head: AttributeHead, asked: Mapping[str, Any], crops: Crops, weights: Weights) -> nn.Module:
    """ASEN++'s: a backbone cut as `asked` says (published: resnet34 up to layer3), and a head of half the width.

    asked: backbone, cut, options (of the head; published: hidden 256). D is the global branch's.
    """
    backbone = build_backbone(asked["backbone"], asked.get("cut"), weights)
    width = int(head.attr_embedding.embedding_dim)  # type: ignore[union-attr, arg-type]
    options = {"dim": head.dim, "hidden": 256, **asked.get("options", {})}
    try:
        return LocalBranch(backbone, ASENPPHead(backbone.channels, 0, attribute_dim=width, **options))
    except TypeError as error:
        raise CheckpointError(f"The local branch of ASEN++ does not take these options: {error}.") from error


def rpf_local(head: AttributeHead, asked: Mapping[str, Any], crops: Crops, weights: Weights) -> nn.Module:
    """RPF's patch branch (published: ViT-B/16 at 224 pixels); D is the global branch's.

    asked: options, those of `PatchSize`. weights: "random", or Google's ViT-B/16 (.npz).
    """
    if crops.height != crops.width:
        raise InputError(f"RPF's patch branch reads square crops; given {crops.width} x {crops.height}.")
    if weights == PACKAGED:
        raise InputError(
            "No packaged weights for RPF's patch branch. Give Google's ViT-B/16 file, "
            "--set model.local.weights=ViT-B_16.npz, or 'random' to start from none."
        )
    width = int(head.attr_embedding.embedding_dim)  # type: ignore[union-attr, arg-type]
    try:
        size = PatchSize(side=crops.height, **{"attribute": width, "dim": head.dim, **asked.get("options", {})})
    except TypeError as error:
        raise CheckpointError(f"RPF's patch branch does not take these options: {error}.") from error
    branch = PatchBranch(size)
    if weights != RANDOM:
        load_vit(branch, read_vit_npz(weights))
    return branch


LOCALS: dict[str, Callable[[AttributeHead, Mapping[str, Any], Crops, Weights], nn.Module]] = {
    "asenpp": asenpp_local,
    "rpf": rpf_local,
}
"""System -> (global head, the card's architecture["local"], its crops, weights) -> local branch of a `CropModel`."""


def build_local(
    system: str, head: AttributeHead, asked: Mapping[str, Any], crops: Crops, weights: Weights | None = None
) -> nn.Module:
    """A system's local branch.

    Args:
        head: of the global branch. asked: the card's `architecture["local"]`. crops: what the branch reads.
        weights: where it starts (see `build_backbone`); None is random, because a checkpoint follows.

    Raises:
        UnknownName: this system has no local branch.
        InputError, CheckpointError: crops, options or weights that its branch does not take.
    """
    if system not in LOCALS:
        raise UnknownName("system with a local branch", system, LOCALS)
    return LOCALS[system](head, asked, crops, weights or RANDOM)

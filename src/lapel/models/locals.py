"""The local branches of crop models, by system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from lapel.errors import CheckpointError, UnknownName
from lapel.models.asenpp_head import ASENPPHead
from lapel.models.attribute_model import AttributeHead
from lapel.models.backbones import RANDOM, build_backbone
from lapel.models.crop_model import LocalBranch

Weights = str | Path


def asenpp_local(head: AttributeHead, asked: Mapping[str, Any], weights: Weights) -> nn.Module:
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


LOCALS: dict[str, Callable[[AttributeHead, Mapping[str, Any], Weights], nn.Module]] = {"asenpp": asenpp_local}
"""System -> (global head, the card's architecture["local"], weights) -> local branch, as `CropModel` takes it."""


def build_local(
    system: str, head: AttributeHead, asked: Mapping[str, Any], weights: Weights | None = None
) -> nn.Module:
    """A system's local branch.

    Args:
        head: of the global branch. asked: the card's `architecture["local"]`.
        weights: where it starts (see `build_backbone`); None is random, because a checkpoint follows.

    Raises:
        UnknownName: this system has no local branch.
    """
    if system not in LOCALS:
        raise UnknownName("system with a local branch", system, LOCALS)
    return LOCALS[system](head, asked, weights or RANDOM)
